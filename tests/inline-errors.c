/* What is wrong with a pipeline given as one line is said with its column, a caret under the word, and what to do; all of it at
 * once. */
#include "description.h"
#include "estimate.h"

#include "check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct bad {
    const char *given;
    const char *said; /* everything, to the letter */
};
static const struct bad inline_forms[] = {
    {"decode in.mkv ! scal 3", "-e:1:17: error: there is no kind of stage called 'scal'\n"
                               "    1 | decode in.mkv ! scal 3\n"
                               "      |                 ^^^^ did you mean 'scale'?  (framelane inspect lists all kinds)\n"},
    {"decode in.mkv ! encode out.mkv cofec=libx264 crf=20 option.crf=22",
     "-e:1:32: error: stage 'encode': unknown key 'cofec'\n"
     "    1 | decode in.mkv ! encode out.mkv cofec=libx264 crf=20 option.crf=22\n"
     "      |                                ^^^^^ did you mean 'codec'?  (an option of libav's is written option.cofec; framelane "
     "inspect encode lists all keys)\n"
     "-e:1:53: error: 'option.crf' is given twice\n"
     "    1 | decode in.mkv ! encode out.mkv cofec=libx264 crf=20 option.crf=22\n"
     "      |                                                     ^^^^^^^^^^ first in column 46; leave one of them out\n"},
    {"decode in.mkv as cam ! hash when-full=dorp ; can ! null",
     "-e:1:39: error: lane cam -> hash: when-full cannot be 'dorp'\n"
     "    1 | decode in.mkv as cam ! hash when-full=dorp ; can ! null\n"
     "      |                                       ^^^^ did you mean 'drop'?  (takes: wait, drop, latest)\n"
     "-e:1:46: error: 'can' is neither a kind of stage nor the name of one\n"
     "    1 | decode in.mkv as cam ! hash when-full=dorp ; can ! null\n"
     "      |                                              ^^^ did you mean 'cam'?  (stages: cam, hash, null)\n"},
    {"pattern as a ! crop 10:10 as b ; c ! null as a",
     "-e:1:34: error: 'c' is neither a kind of stage nor the name of one\n"
     "    1 | pattern as a ! crop 10:10 as b ; c ! null as a\n"
     "      |                                  ^ stages: a, b, a\n"
     "-e:1:46: error: the name 'a' is given twice\n"
     "    1 | pattern as a ! crop 10:10 as b ; c ! null as a\n"
     "      |                                              ^ first in column 12; give this one another name\n"},
    {"pattern size=64by64 rate=fast frames=-1 realtime=perhaps ! null",
     "-e:1:14: error: stage 'pattern': size cannot be '64by64'\n"
     "    1 | pattern size=64by64 rate=fast frames=-1 realtime=perhaps ! null\n"
     "      |              ^^^^^^ takes a size: 1280x720\n"
     "-e:1:26: error: stage 'pattern': rate cannot be 'fast'\n"
     "    1 | pattern size=64by64 rate=fast frames=-1 realtime=perhaps ! null\n"
     "      |                          ^^^^ takes frames a second: 30, 29.97 or 30000/1001\n"
     "-e:1:38: error: stage 'pattern': frames cannot be '-1'\n"
     "    1 | pattern size=64by64 rate=fast frames=-1 realtime=perhaps ! null\n"
     "      |                                      ^^ takes a whole number from 0\n"
     "-e:1:50: error: stage 'pattern': realtime cannot be 'perhaps'\n"
     "    1 | pattern size=64by64 rate=fast frames=-1 realtime=perhaps ! null\n"
     "      |                                                  ^^^^^^^ takes true or false\n"},
    {"pattern 64x64 ! null",
     "-e:1:9: error: unexpected word '64x64'\n"
     "    1 | pattern 64x64 ! null\n"
     "      |         ^^^^^ 'pattern' has no main argument; its keys are listed by framelane inspect pattern\n"},
    {"pattern ! scale ! null", "-e:1:11: error: stage 'scale' (scale) has no size\n"
                               "    1 | pattern ! scale ! null\n"
                               "      |           ^^^^^ size: new size; -1 or -2 (even) keeps the aspect\n"},
    {"pattern ! crop 10:10:5 ! null", "-e:1:16: error: stage 'crop': size cannot be '10:10:5'\n"
                                      "    1 | pattern ! crop 10:10:5 ! null\n"
                                      "      |                ^^^^^^^ takes: W:H, W:H:X:Y\n"},
    {"pattern ! null credits=0", "-e:1:24: error: lane pattern -> null: credits cannot be '0'\n"
                                 "    1 | pattern ! null credits=0\n"
                                 "      |                        ^ takes 1 to 1024\n"},
    {"pattern spare-slots=1025 ! null", "-e:1:21: error: stage 'pattern': spare-slots cannot be '1025'\n"
                                        "    1 | pattern spare-slots=1025 ! null\n"
                                        "      |                     ^^^^ takes 0 to 1024\n"},
    {"pattern ! null spare-slots=6", "-e:1:16: error: stage 'null' (null) gives no frames, so it has no slots to spare\n"
                                     "    1 | pattern ! null spare-slots=6\n"
                                     "      |                ^^^^^^^^^^^ set it at the stage that its frames come from\n"},
    {"pattern ! null restart=always", "-e:1:16: error: stage 'null': 'restart' is documented, but not built yet\n"
                                      "    1 | pattern ! null restart=always\n"
                                      "      |                ^^^^^^^ leave it out\n"},
    {"pattern ! null when-full=peek", "-e:1:26: error: lane pattern -> null: when-full = peek is documented, but not built yet\n"
                                      "    1 | pattern ! null when-full=peek\n"
                                      "      |                          ^^^^ use latest\n"},
    {"pattern ! exec ; pattern ! null", "-e:1:11: error: the kind 'exec' is documented, but not built yet\n"
                                        "    1 | pattern ! exec ; pattern ! null\n"
                                        "      |           ^^^^ framelane inspect lists what is\n"},
    {"pattern ! ! null", "-e:1:11: error: a stage is missing before '!'\n"
                         "    1 | pattern ! ! null\n"
                         "      |           ^ stages are joined by ' ! ', chains by ' ; '\n"},
    {"pattern !", "-e:1:9: error: a stage is missing after '!'\n"
                  "    1 | pattern !\n"
                  "      |         ^ name the stage that takes the frames, for example null\n"},
    {"; pattern ! null", "-e:1:1: error: a stage is missing before ';'\n"
                         "    1 | ; pattern ! null\n"
                         "      | ^ stages are joined by ' ! ', chains by ' ; '\n"},
    {"pattern ! null; pattern ! null", "-e:1:11: error: there is no kind of stage called 'null;'\n"
                                       "    1 | pattern ! null; pattern ! null\n"
                                       "      |           ^^^^^ ';' separates only as a word of its own: put spaces around it\n"},
    {"pattern!null",
     "-e:1:1: error: 'pattern!null' is neither a kind of stage nor the name of one\n"
     "    1 | pattern!null\n"
     "      | ^^^^^^^^^^^^ '!' separates only as a word of its own: put spaces around it\n"},
    {"pattern ! filter 'hflip", "-e:1:18: error: this quote does not end\n"
                                "    1 | pattern ! filter 'hflip\n"
                                "      |                  ^ close it, or put a backslash before it\n"},
    {"pattern as", "-e:1:1: error: nothing takes the frames of stage 'pattern'\n"
                   "    1 | pattern as\n"
                   "      | ^^^^^^^ go on with ! and a stage that takes them, for example: ! null\n"
                   "-e:1:9: error: a name is missing after 'as'\n"
                   "    1 | pattern as\n"
                   "      |         ^^ write: as NAME\n"},
    {"pattern as über ! null",
     "-e:1:12: error: 'über' cannot be the name of a stage\n"
     "    1 | pattern as über ! null\n"
     "      |            ^^^^ names are made of a to z, A to Z, 0 to 9, - and _, and begin with a letter or digit of these\n"},
    {"pattern | null", "-e:1:9: error: unexpected word '|'\n"
                       "    1 | pattern | null\n"
                       "      |         ^ stages are joined by '!': decode in.mkv ! encode out.mp4\n"},
    {"pattern ! null ; pattern2", "-e:1:18: error: 'pattern2' is neither a kind of stage nor the name of one\n"
                                  "    1 | pattern ! null ; pattern2\n"
                                  "      |                  ^^^^^^^^ did you mean 'pattern'?  (stages: pattern, null)\n"},
    {"pattern ! pattern ! null", "-e:1:1: error: stage 'pattern2' takes no input: its kind, pattern, makes the frames itself\n"
                                 "    1 | pattern ! pattern ! null\n"
                                 "      | ^^^^^^^ leave the input out\n"},
    {"decode in.mkv", "-e:1:1: error: nothing takes the frames of stage 'decode'\n"
                      "    1 | decode in.mkv\n"
                      "      | ^^^^^^ go on with ! and a stage that takes them, for example: ! null\n"},
    {"null", "-e:1:1: error: stage 'null' has no input\n"
             "    1 | null\n"
             "      | ^^^^ put the stage whose frames it takes before it: ... !\n"},
    {"pattern ! hash ! null", "-e:1:11: error: stage 'null': 'hash' gives no frames (its kind is hash)\n"
                              "    1 | pattern ! hash ! null\n"
                              "      |           ^^^^ take them from the stage before it\n"},
    {"pattern ! hash ; pattern ! raw -", "-e:1:32: error: stage 'raw': standard output is written by 'hash' already\n"
                                         "    1 | pattern ! hash ; pattern ! raw -\n"
                                         "      |                                ^ give all but one a file\n"},
    {"pattern ! raw out.yuv ; pattern ! raw ./out.yuv",
     "-e:1:39: error: stage 'raw2': its output './out.yuv' is the output of 'raw' too\n"
     "    1 | pattern ! raw out.yuv ; pattern ! raw ./out.yuv\n"
     "      |                                       ^^^^^^^^^ 'raw' writes there already; name another file\n"},
    {"decode present.bin ! encode present.bin",
     "-e:1:29: error: stage 'encode': its output 'present.bin' is the input of 'decode'\n"
     "    1 | decode present.bin ! encode present.bin\n"
     "      |                             ^^^^^^^^^^^ name another file: it would be destroyed\n"},
    {"pattern ! hash present.bin overwrite=no",
     "-e:1:16: error: stage 'hash': 'present.bin' exists already, and overwrite = no\n"
     "    1 | pattern ! hash present.bin overwrite=no\n"
     "      |                ^^^^^^^^^^^ name another file, or leave overwrite = no out\n"},
    {"pattern ! encode a.mkv audio=copy",
     "-e:1:30: error: stage 'encode': there is no sound to copy: its frames come from a source that has none\n"
     "    1 | pattern ! encode a.mkv audio=copy\n"
     "      |                              ^^^^ set audio = none, or leave it out\n"},
    {"decode in.mkv ! encode a.mkv audio=opus", "-e:1:36: error: stage 'encode': audio cannot be 'opus'\n"
                                                "    1 | decode in.mkv ! encode a.mkv audio=opus\n"
                                                "      |                                    ^^^^ takes: copy, none\n"},
    {"crop 10:10 as a input=b ! crop 10:10 as b input=a ! null",
     "-e:1:1: error: stage 'b' takes one input, 2 are given\n"
     "    1 | crop 10:10 as a input=b ! crop 10:10 as b input=a ! null\n"
     "      | ^^^^ leave all but one out\n"
     "-e:1:23: error: cycle: a -> b -> a\n"
     "    1 | crop 10:10 as a input=b ! crop 10:10 as b input=a ! null\n"
     "      |                       ^ frames must come from a source: give one of these stages another input\n"},
    {"pattern ! encode a.mkv url=b.mkv", "-e:1:24: error: 'url' is given twice\n"
                                         "    1 | pattern ! encode a.mkv url=b.mkv\n"
                                         "      |                        ^^^ first in column 18; leave one of them out\n"},
    {"pattern ! encode codex=libx264 a.mkv", "-e:1:32: error: unexpected word 'a.mkv'\n"
                                             "    1 | pattern ! encode codex=libx264 a.mkv\n"
                                             "      |                                ^^^^^ 'codex=libx264' was taken as the url of "
                                             "'encode', as it begins with no key of its\n"},
    {"pattern input=x ! null", "-e:1:15: error: stage 'pattern' takes no input: its kind, pattern, makes the frames itself\n"
                               "    1 | pattern input=x ! null\n"
                               "      |               ^ leave the input out\n"},
    {"pattern ! null optional=sometimes", "-e:1:25: error: stage 'null': optional cannot be 'sometimes'\n"
                                          "    1 | pattern ! null optional=sometimes\n"
                                          "      |                         ^^^^^^^^^ takes true or false\n"},
    {"pattern ! hash ''", "-e:1:16: error: stage 'hash': 'url' is empty\n"
                          "    1 | pattern ! hash ''\n"
                          "      |                ^^ file for the hashes, in framemd5's format\n"},
    {"", "-e: error: the pipeline is empty\n"
         "    for example: -e 'decode in.mkv ! hash'\n"},
};

/* Everything that reading and checking `given` has to say. */
static char *checked(const char *given, const char *assignment)
{
    FlDiagnostics *d = fl_diagnostics_new();
    FlPipeline *p = fl_inline_parse(given, d);
    if (p && assignment)
        fl_pipeline_set(p, assignment, d);
    if (p && fl_graph_check(p, d)) {
        g_autofree struct fl_budget_stage *estimates = fl_estimate(p, d->errors == 0);
        fl_budget_free(fl_budget_new(p, estimates, NULL, d));
    }
    char *said = fl_diagnostics_text(d, "-e");
    CHECK(d->errors > 0 || !*said);
    fl_pipeline_free(p);
    fl_diagnostics_free(d);
    return said;
}

static void compare(const char *given, const char *assignment, const char *wanted)
{
    g_autofree char *said = checked(given, assignment);
    if (strcmp(said, wanted) != 0)
        fprintf(stderr, "given: %s\nsaid:\n%swanted:\n%s", given, said, wanted);
    CHECK(strcmp(said, wanted) == 0);
}

static void every_error_is_said(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(inline_forms); i++)
        compare(inline_forms[i].given, NULL, inline_forms[i].said);
}

static void every_bad_setting_is_said(void)
{
    static const struct bad settings[] = {
        {"cam.url",
         "--set:1:1: error: write STAGE.KEY=VALUE\n    1 | cam.url\n      | ^^^^^^^ for example: --set record.url=out.mkv\n"},
        {"can.url=x", "--set:1:1: error: stage 'can' does not exist\n"
                      "    1 | can.url=x\n"
                      "      | ^^^ did you mean 'cam'?  (stages: cam, null)\n"},
        {"cam.thread=2", "--set:1:5: error: stage 'cam': unknown key 'thread'\n"
                         "    1 | cam.thread=2\n"
                         "      |     ^^^^^^ did you mean 'threads'?  (an option of libav's is written option.thread; framelane "
                         "inspect decode lists all "
                         "keys)\n"},
        {"cam.threads=many", "--set:1:13: error: stage 'cam': threads cannot be 'many'\n"
                             "    1 | cam.threads=many\n"
                             "      |             ^^^^ takes a whole number, or: auto\n"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(settings); i++)
        compare("decode in.mkv as cam ! null", settings[i].given, settings[i].said);
}

/* Any bytes at all give an answer and no crash. */
static void no_text_is_too_strange(void)
{
    static const char *const pieces[] = {
        "pattern", " ! ",          " ; ",    "null", "as ",  "a",   "=",        "'",       "\"",         "\\",
        "scale",   "size=",        "1:2",    "\xff", "\n",   "\t",  "input=",   ",",       "url",        "-",
        " ",       "encode a.mkv", "audio=", "copy", "crop", "9:9", "decode x", "option.", "when-full=", "drop"};
    unsigned long long state = 20;
    for (unsigned n = 0; n < 20000; n++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (unsigned i = next_random(&state) % 14; i > 0; i--)
            g_string_append(text, pieces[next_random(&state) % G_N_ELEMENTS(pieces)]);
        g_autofree char *said = checked(text->str, NULL);
        CHECK(said);
    }
}

static void too_many_stages_are_refused(void)
{
    g_autoptr(GString) text = g_string_new("pattern ! null");
    for (unsigned i = 0; i < 200; i++)
        g_string_append(text, " ; pattern ! null");
    g_autofree char *said = checked(text->str, NULL);
    CHECK_SAYS(said, "402 stages are too many, a pipeline has at most 256");
}

int main(void)
{
    char folder[] = "/tmp/framelane-test-XXXXXX";
    static const struct check_case cases[] = {
        {"every error is said", every_error_is_said},
        {"every bad --set is said", every_bad_setting_is_said},
        {"no text is too strange", no_text_is_too_strange},
        {"too many stages are refused", too_many_stages_are_refused},
    };
    CHECK(mkdtemp(folder) && chdir(folder) == 0); /* files are named relative to it */
    CHECK(g_file_set_contents("present.bin", "x", 1, NULL));
    int status = CHECK_RUN(cases);
    CHECK(unlink("present.bin") == 0 && rmdir(folder) == 0);
    return status;
}
