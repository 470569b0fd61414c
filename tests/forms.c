/* A line and a file say the same: both forms become one description, with the same defaults and the same lanes, sources first. */
#include "budget.h"
#include "description.h"

#include "check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int compare_lines(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *describe_stage(const FlStageConfig *stage)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s: %s", stage->name, stage->kind->name);
    for (guint o = 0; o < stage->options->len; o++) {
        const FlOption *option = g_ptr_array_index(stage->options, o);
        g_string_append_printf(text, " %s=%s", option->key, option->value);
    }
    if (stage->spare_slots != FL_BUDGET_SPARE)
        g_string_append_printf(text, " spare %u", stage->spare_slots);
    return g_string_free(g_string_append(text, stage->optional ? " optional" : ""), FALSE);
}

static char *describe_lane(const FlLaneConfig *lane)
{
    static const char *const policies[] = {"wait", "drop", "latest"}, *const ports[] = {"", " sound"};
    CHECK(lane->from->order < lane->to->order);
    CHECK_EQ(lane->from_port, lane->to_port);
    return g_strdup_printf("%s -> %s%s %s %u", lane->from->name, lane->to->name, ports[lane->to_port], policies[lane->when_full],
                           lane->credits);
}

/* A checked pipeline in words, a line each stage and lane, in the order of the alphabet. */
static char *describe(const FlPipeline *p)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < p->stages->len; i++) {
        const FlStageConfig *stage = g_ptr_array_index(p->stages, i);
        CHECK_EQ(stage->order, i);
        g_ptr_array_add(lines, describe_stage(stage));
    }
    for (guint i = 0; i < p->lanes->len; i++)
        g_ptr_array_add(lines, describe_lane(g_ptr_array_index(p->lanes, i)));
    g_ptr_array_sort(lines, compare_lines);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

static char *finish(FlPipeline *p, FlDiagnostics *d)
{
    CHECK(p);
    fl_graph_check(p, d);
    fl_diagnostics_print(d, "test");
    CHECK_EQ(d->errors, 0);
    char *text = describe(p);
    fl_pipeline_free(p);
    fl_diagnostics_free(d);
    return text;
}

static char *of_line(const char *line, const char *assignment)
{
    FlDiagnostics *d = fl_diagnostics_new();
    FlPipeline *p = fl_inline_parse(line, d);
    if (p && assignment)
        fl_pipeline_set(p, assignment, d);
    return finish(p, d);
}

static char *of_file(const char *content)
{
    FlDiagnostics *d = fl_diagnostics_new();
    CHECK(g_file_set_contents("form.ini", content, -1, NULL));
    FlPipeline *p = fl_config_load("form.ini", d);
    CHECK(p && strcmp(p->name, "form") == 0);
    CHECK(unlink("form.ini") == 0);
    return finish(p, d);
}

static void check_text(char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fprintf(stderr, "got:\n%s\nwanted:\n%s\n", got, wanted);
    CHECK(strcmp(got, wanted) == 0);
    g_free(got);
}

static void a_transcode(void)
{
    static const char means[] = "decode -> encode sound wait 0\n"
                                "decode -> scale wait 0\n"
                                "decode: decode url=in.mkv\n"
                                "encode: encode url=out.mp4 codec=libx264 option.crf=20\n"
                                "scale -> encode wait 0\n"
                                "scale: scale size=1280:-2";
    check_text(of_line("decode in.mkv ! scale 1280:-2 ! encode out.mp4 codec=libx264 crf=20", NULL), means);
    check_text(of_line("  decode url=in.mkv\n! scale\tsize='1280:-2' ! encode \"out.mp4\" codec=libx264 option.crf=20 ;", NULL),
               means);
    check_text(of_line("decode x ! scale 1280:-2 ! encode out.mp4 codec=libx264 crf=20", "decode.url=in.mkv"), means);
    check_text(of_line("decode in.mkv ! scale 1280:-2 ! encode out.mp4 codec=libx264 option.crf=9", "encode.crf=20"), means);
    check_text(of_file("[stage decode]\nkind = decode\nurl = in.mkv\n"
                       "[stage scale]\nkind = scale\ninput = decode\nsize = 1280:-2\n"
                       "[stage encode]\nkind = encode\ninput = scale\nurl = out.mp4\ncodec = libx264\ncrf = 20\n"),
               means);
}

static void forks_and_lanes(void)
{
    static const char means[] = "cam -> encode sound wait 0\n"
                                "cam -> hash drop 2\n"
                                "cam -> small wait 0\n"
                                "cam: decode url=in.mkv spare 6\n"
                                "encode: encode url=a.mkv codec=libx264\n"
                                "hash: hash url=out.framemd5\n"
                                "null: null optional\n"
                                "small -> encode wait 16\n"
                                "small -> null latest 0\n"
                                "small: scale size=1280:-2";
    check_text(of_line("decode in.mkv spare-slots=6 as cam ! scale 1280:-2 as small ! encode a.mkv codec=libx264 credits=16 ; "
                       "small ! null optional=yes ; cam ! hash out.framemd5 when-full=drop credits=2",
                       NULL),
               means);
    check_text(of_file("# the order of the sections means nothing\n"
                       "[stage encode]\nkind = encode\nurl = a.mkv\ncodec = libx264\ninput = small\n\n"
                       "[lane cam -> hash]\nwhen-full = drop\ncredits = 2\n\n"
                       "[lane small->encode]\ncredits=16\n"
                       "[stage hash]\nkind = hash\nurl = out.framemd5\ninput = cam\n"
                       "[stage small]\nkind = scale\nsize = 1280:-2\ninput = cam\n"
                       "[stage null]\nkind = null\noptional = yes\ninput = small\n"
                       "[stage cam]\nkind = decode\nurl = in.mkv\nspare-slots = 6\n"),
               means);
}

static void quotes_and_defaults(void)
{
    static const char means[] = "filter -> raw wait 0\n"
                                "filter: filter filter=drawtext=text='a ! b ; c',hflip\n"
                                "pattern -> filter wait 0\n"
                                "pattern: pattern size=64x64\n"
                                "raw: raw";
    check_text(of_line("pattern size=64x64 ! filter \"drawtext=text='a ! b ; c',hflip\" ! raw", NULL), means);
    check_text(of_line("pattern size=64x64 ! filter drawtext=text=\\'a\\ !\\ b\\ \\;\\ c\\',hflip ! raw", NULL), means);
    check_text(of_file("[stage pattern]\nkind = pattern\nsize = 64x64\n"
                       "[stage filter]\nkind = filter\nfilter = drawtext=text='a ! b ; c',hflip\ninput = pattern\n"
                       "[stage raw]\nkind = raw\ninput = filter\n"),
               means);
}

static void names_are_given_by_kind(void)
{
    check_text(of_line("pattern ! crop 9:9 as crop2 ! crop 9:9 ! crop 9:9 ! null ; pattern ! null", NULL),
               "crop -> crop3 wait 0\n"
               "crop2 -> crop wait 0\n"
               "crop2: crop size=9:9\n"
               "crop3 -> null wait 0\n"
               "crop3: crop size=9:9\n"
               "crop: crop size=9:9\n"
               "null2: null\n"
               "null: null\n"
               "pattern -> crop2 wait 0\n"
               "pattern2 -> null2 wait 0\n"
               "pattern2: pattern\n"
               "pattern: pattern");
    check_text(of_line("decode in.mkv ! null ; decode ! hash", NULL), "decode -> hash wait 0\n"
                                                                      "decode -> null wait 0\n"
                                                                      "decode: decode url=in.mkv\n"
                                                                      "hash: hash\n"
                                                                      "null: null");
}

/* Where the pictures of a file may be left out so that it holds nobody up, its sound must not hold anybody up either. */
static void sound_waits_where_pictures_do(void)
{
    check_text(of_line("decode in.mkv ! crop 9:9 when-full=drop ! encode a.mkv", NULL), "crop -> encode wait 0\n"
                                                                                        "crop: crop size=9:9\n"
                                                                                        "decode -> crop drop 0\n"
                                                                                        "decode -> encode sound drop 0\n"
                                                                                        "decode: decode url=in.mkv\n"
                                                                                        "encode: encode url=a.mkv");
    check_text(of_line("decode in.mkv ! encode a.mkv audio=none", NULL), "decode -> encode wait 0\n"
                                                                         "decode: decode url=in.mkv\n"
                                                                         "encode: encode url=a.mkv audio=none");
    check_text(of_line("pattern ! encode a.mkv", NULL), "encode: encode url=a.mkv\n"
                                                        "pattern -> encode wait 0\n"
                                                        "pattern: pattern");
}

int main(void)
{
    char folder[] = "/tmp/framelane-test-XXXXXX";
    static const struct check_case cases[] = {
        {"a transcode", a_transcode},
        {"forks and lanes", forks_and_lanes},
        {"quotes and defaults", quotes_and_defaults},
        {"names are given by kind", names_are_given_by_kind},
        {"sound waits where pictures do", sound_waits_where_pictures_do},
    };
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    int status = CHECK_RUN(cases);
    CHECK(rmdir(folder) == 0);
    return status;
}
