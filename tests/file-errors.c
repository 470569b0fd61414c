/* What is wrong with a configuration file is said with line and column, the line itself, a caret and what to do; all of it at once.
 */
#include "description.h"
#include "estimate.h"

#include "check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bad {
    const char *given;
    const char *said; /* everything, to the letter */
};
static const struct bad files[] = {
    {"[stage cam]\n"
     "kind = decode\n"
     "url = in.mkv\n"
     "\n"
     "[stage scale]\n"
     "kind = scale\n"
     "input = cam\n"
     "size = 1280:-2\n"
     "\n"
     "[stage detect]\n"
     "kind = null\n"
     "input = scal\n",
     "bad.ini:12:9: error: stage 'detect': input 'scal' does not exist\n"
     "   12 | input = scal\n"
     "      |         ^^^^ did you mean 'scale'?  (stages: cam, scale, detect)\n"},
    {"[stage a]\n"
     "kind = pattern\n"
     "size = 64x64\n"
     "size = 32x32\n"
     "[stage a]\n"
     "kind = null\n"
     "[stage b]\n"
     "kind = null\n"
     "input = a\n",
     "bad.ini:4:1: error: 'size' is given twice\n"
     "    4 | size = 32x32\n"
     "      | ^^^^ first in line 3; leave one of them out\n"
     "bad.ini:5:8: error: section [stage a] is given twice\n"
     "    5 | [stage a]\n"
     "      |        ^ first in line 1; give this one another name, or join the two\n"},
    {"key = 1\n"
     "[stage a]\n"
     " kind = pattern\n"
     "; old comment\n"
     "nonsense\n"
     "[stage b]\n"
     "kind = null\n"
     "input = a\n",
     "bad.ini:1:1: error: key 'key' stands before any section\n"
     "    1 | key = 1\n"
     "      | ^^^ begin with [pipeline] or [stage NAME]\n"
     "bad.ini:3:1: error: spaces before a key or section\n"
     "    3 |  kind = pattern\n"
     "      | ^ begin it in the first column\n"
     "bad.ini:4:1: error: this is neither a key nor a section\n"
     "    4 | ; old comment\n"
     "      | ^^^^^^^^^^^^^ comments begin with #\n"
     "bad.ini:5:1: error: this is neither a key nor a section\n"
     "    5 | nonsense\n"
     "      | ^^^^^^^^ lines are KEY = VALUE, [SECTION], or a comment that begins with #\n"},
    {"[pipline]\n"
     "name = x\n"
     "[stage]\n"
     "[stage b\n"
     "[lane a b]\n"
     "[]\n"
     "[pipeline] # mine\n"
     "nam = y\n"
     "transport = shmem\n"
     "memory-limit = much\n",
     "bad.ini:1:2: error: unknown section [pipline]\n"
     "    1 | [pipline]\n"
     "      |  ^^^^^^^ did you mean 'pipeline'?  (sections: [pipeline], [stage NAME], [lane FROM -> TO])\n"
     "bad.ini:3:2: error: the name of the stage is missing\n"
     "    3 | [stage]\n"
     "      |  ^^^^^ names are made of letters, digits, - and _\n"
     "bad.ini:4:1: error: the section's name does not end\n"
     "    4 | [stage b\n"
     "      | ^^^^^^^^ end it with ]\n"
     "bad.ini:5:7: error: a lane goes from one stage to another\n"
     "    5 | [lane a b]\n"
     "      |       ^^^ write [lane FROM -> TO]\n"
     "bad.ini:6:2: error: unknown section []\n"
     "    6 | []\n"
     "      |  ^ sections: [pipeline], [stage NAME], [lane FROM -> TO]\n"
     "bad.ini:7:12: error: nothing may stand behind a section's name\n"
     "    7 | [pipeline] # mine\n"
     "      |            ^^^^^^ a comment needs a line of its own, beginning with #\n"
     "bad.ini:8:1: error: pipeline: unknown key 'nam'\n"
     "    8 | nam = y\n"
     "      | ^^^ did you mean 'name'?  (keys of [pipeline]: name, transport, memory-limit)\n"
     "bad.ini:9:13: error: pipeline: transport cannot be 'shmem'\n"
     "    9 | transport = shmem\n"
     "      |             ^^^^^ did you mean 'shm'?  (takes: shm, pipe)\n"
     "bad.ini:10:16: error: pipeline: memory-limit cannot be 'much'\n"
     "   10 | memory-limit = much\n"
     "      |                ^^^^ takes a number of bytes: 64k, 32MiB, 1GiB\n"},
    {"[stage a]\n"
     "kind = pattern\n"
     "[stage b]\n"
     "input = a, c\n",
     "bad.ini:3:8: error: stage 'b' has no kind\n"
     "    3 | [stage b]\n"
     "      |        ^ add kind = ...  (framelane inspect lists all kinds)\n"
     "bad.ini:4:12: error: stage 'b': input 'c' does not exist\n"
     "    4 | input = a, c\n"
     "      |            ^ stages: a, b\n"},
    {"[stage a]\n"
     "kind = pattern\n"
     "[stage b]\n"
     "kind = null\n"
     "input = a\n"
     "[lane a -> b]\n"
     "when-ful = drop\n"
     "credits = 2000\n"
     "[lane b -> a]\n"
     "[lane a -> d]\n",
     "bad.ini:7:1: error: lane a -> b: unknown key 'when-ful'\n"
     "    7 | when-ful = drop\n"
     "      | ^^^^^^^^ did you mean 'when-full'?  (keys of a lane: when-full, credits, batch, batch-delay, spin)\n"
     "bad.ini:8:11: error: lane a -> b: credits cannot be '2000'\n"
     "    8 | credits = 2000\n"
     "      |           ^^^^ takes 1 to 1024\n"
     "bad.ini:9:7: error: lane b -> a: 'a' does not take its input from 'b'\n"
     "    9 | [lane b -> a]\n"
     "      |       ^^^^^^\n"
     "bad.ini:10:12: error: lane: stage 'd' does not exist\n"
     "   10 | [lane a -> d]\n"
     "      |            ^ stages: a, b\n"},
    {"[stage a]\n"
     "kind = pattern\n"
     "[stage b]\n"
     "kind = null\n"
     "input = a\n"
     "credits = 3\n"
     "[lane a -> b]\n"
     "credits = 4\n",
     "bad.ini:6:1: error: stage 'b': 'credits' is also set in [lane a -> b]\n"
     "    6 | credits = 3\n"
     "      | ^^^^^^^ leave one of them out\n"},
    {"[stage a]\n"
     "kind = crop\n"
     "size = 10:10\n"
     "input = c\n"
     "[stage b]\n"
     "kind = crop\n"
     "size = 10:10\n"
     "input = a\n"
     "[stage c]\n"
     "kind = crop\n"
     "size = 10:10\n"
     "input = b\n"
     "[stage d]\n"
     "kind = null\n"
     "input = c\n",
     "bad.ini:4:9: error: cycle: a -> b -> c -> a\n"
     "    4 | input = c\n"
     "      |         ^ frames must come from a source: give one of these stages another input\n"},
    {"[stage a]\n"
     "kind = pattern # the source\n"
     "name = b\n"
     "[stage c]\n"
     "kind = filter\n"
     "filter = hflip # mirror\n"
     "input = a\n",
     "bad.ini:2:8: error: there is no kind of stage called 'pattern # the source'\n"
     "    2 | kind = pattern # the source\n"
     "      |        ^^^^^^^^^^^^^^^^^^^^ framelane inspect lists all kinds\n"
     "bad.ini:2:16: warning: this is part of the value: values go on to the end of the line\n"
     "    2 | kind = pattern # the source\n"
     "      |                ^^^^^^^^^^^^ a comment needs a line of its own\n"
     "bad.ini:3:1: error: stage 'a': its name cannot be set here\n"
     "    3 | name = b\n"
     "      | ^^^^ a file names a stage in its section, [stage NAME]; the inline form with: as NAME\n"
     "bad.ini:6:16: warning: this is part of the value: values go on to the end of the line\n"
     "    6 | filter = hflip # mirror\n"
     "      |                ^^^^^^^^ a comment needs a line of its own\n"},
    {"[stage a]\n"
     "kind = pattern\n"
     "\tsize = 1x1\n"
     "[stage b]\n"
     "kind\t= null\n"
     "input = \n",
     "bad.ini:3:1: error: spaces before a key or section\n"
     "    3 | \tsize = 1x1\n"
     "      | ^ begin it in the first column\n"
     "bad.ini:4:8: error: stage 'b' has no input\n"
     "    4 | [stage b]\n"
     "      |        ^ add input = NAME  (stages: a, b)\n"
     "bad.ini:6:1: error: stage 'b': 'input' is empty\n"
     "    6 | input =\n"
     "      | ^^^^^ name of the stage whose frames it takes\n"},
    {"[pipeline]\n"
     "memory-limit = 10k\n"
     "[stage cam]\n"
     "kind = pattern\n"
     "size = 64by64\n"
     "[stage small]\n"
     "kind = scale\n"
     "input = cam\n"
     "size = 640:360\n"
     "flaggs = lanczos\n"
     "[stage lost]\n"
     "kind = crop\n"
     "size = 10:10\n"
     "input = cam\n"
     "[stage end]\n"
     "kind = null\n"
     "input = small\n"
     "credits = 1\n"
     "[lane cam -> small]\n"
     "when-full = dorp\n"
     "[lane cam -> nobody]\n"
     "credit = 3\n",
     "bad.ini:5:8: error: stage 'cam': size cannot be '64by64'\n"
     "    5 | size = 64by64\n"
     "      |        ^^^^^^ takes a size: 1280x720\n"
     "bad.ini:10:1: error: stage 'small': unknown key 'flaggs'\n"
     "   10 | flaggs = lanczos\n"
     "      | ^^^^^^ did you mean 'flags'?  (framelane inspect scale lists all keys)\n"
     "bad.ini:11:8: error: nothing takes the frames of stage 'lost'\n"
     "   11 | [stage lost]\n"
     "      |        ^^^^ add a stage with input = lost, for example one of kind = null\n"
     "bad.ini:17:9: error: lane small -> end: credits = 1 is too few: 'end' can hold 1 frame at once, so at least 2 are needed\n"
     "   17 | input = small\n"
     "      |         ^^^^^ fix: credits = 2, or leave it out (4 then)\n"
     "bad.ini:20:13: error: lane cam -> small: when-full cannot be 'dorp'\n"
     "   20 | when-full = dorp\n"
     "      |             ^^^^ did you mean 'drop'?  (takes: wait, drop, latest)\n"
     "bad.ini:21:14: error: lane: stage 'nobody' does not exist\n"
     "   21 | [lane cam -> nobody]\n"
     "      |              ^^^^^^ stages: cam, small, lost, end\n"
     "bad.ini:22:1: error: lane cam -> nobody: unknown key 'credit'\n"
     "   22 | credit = 3\n"
     "      | ^^^^^^ did you mean 'credits'?  (keys of a lane: when-full, credits, batch, batch-delay, spin)\n"
     "bad.ini: error: needs 24 KiB of shared memory, the limit is 10 KiB (for its lanes alone)\n"},
    {"[stage a]\n"
     "kind = crop\n"
     "input = b\n"
     "sice = 10:10\n"
     "[stage b]\n"
     "kind = crop\n"
     "size = 10:10\n"
     "input = a\n"
     "[stage c]\n"
     "kind = pattern\n"
     "[lane c -> a]\n"
     "credits = 3\n",
     "bad.ini:1:8: error: stage 'a' (crop) has no size\n"
     "    1 | [stage a]\n"
     "      |        ^ size: what stays of the picture, centred where no place is given; rounded to the chroma grid\n"
     "bad.ini:3:9: error: cycle: a -> b -> a\n"
     "    3 | input = b\n"
     "      |         ^ frames must come from a source: give one of these stages another input\n"
     "bad.ini:4:1: error: stage 'a': unknown key 'sice'\n"
     "    4 | sice = 10:10\n"
     "      | ^^^^ did you mean 'size'?  (framelane inspect crop lists all keys)\n"
     "bad.ini:9:8: error: nothing takes the frames of stage 'c'\n"
     "    9 | [stage c]\n"
     "      |        ^ add a stage with input = c, for example one of kind = null\n"
     "bad.ini:11:7: error: lane c -> a: 'a' does not take its input from 'c'\n"
     "   11 | [lane c -> a]\n"
     "      |       ^^^^^^ its input is 'b'\n"},
    {"[stage a-name-that-is-longer-than-31-characters]\n"
     "kind = pattern\n",
     "bad.ini:1:8: error: the name 'a-name-that-is-longer-than-31-characters' is too long\n"
     "    1 | [stage a-name-that-is-longer-than-31-characters]\n"
     "      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ at most 31 characters\n"},
    {"", "bad.ini: error: the file is empty\n"
         "    a pipeline has at least a [stage NAME] that makes frames and one that takes them\n"},
    {"\n"
     "  \n",
     "bad.ini: error: the file is empty\n"
     "    a pipeline has at least a [stage NAME] that makes frames and one that takes them\n"},
    {"# nothing but this\n", "bad.ini: error: the pipeline has no stage\n"
                             "    add a [stage NAME] that makes frames (kind = decode) and one that takes them\n"},
};

/* Everything that reading and checking bad.ini has to say. */
static char *checked(const char *path)
{
    FlDiagnostics *d = fl_diagnostics_new();
    FlPipeline *p = fl_config_load(path, d);
    CHECK(p || d->errors);
    if (p && fl_graph_check(p, d)) {
        g_autofree struct fl_budget_stage *estimates = fl_estimate(p, d->errors == 0);
        fl_budget_free(fl_budget_new(p, estimates, NULL, d));
    }
    char *said = fl_diagnostics_text(d, path);
    fl_pipeline_free(p);
    fl_diagnostics_free(d);
    return said;
}

static void compare(const char *given, gssize bytes, const char *wanted)
{
    CHECK(g_file_set_contents("bad.ini", given, bytes, NULL));
    g_autofree char *said = checked("bad.ini");
    if (strcmp(said, wanted) != 0)
        fprintf(stderr, "given:\n%s\nsaid:\n%swanted:\n%s", given, said, wanted);
    CHECK(strcmp(said, wanted) == 0);
    CHECK(unlink("bad.ini") == 0);
}

static void every_error_is_said(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++)
        compare(files[i].given, -1, files[i].said);
}

static void what_is_no_text_is_refused(void)
{
    compare("\0\1\2", 3,
            "bad.ini: error: is no configuration file, but binary or too large\n"
            "    to read a video, give the pipeline itself: -e 'decode FILE ! ...'\n");
    compare("[stage a]\nkind = \xff\n", -1, "bad.ini:2: error: this line is no UTF-8 text\n    save it as UTF-8\n");
}

static void what_cannot_be_read_is_said(void)
{
    g_autofree char *missing = checked("missing.ini"), *folder = checked("."), *endless = checked("/dev/zero");
    CHECK_SAYS(missing, "missing.ini: error: cannot be read: No such file or directory\n");
    CHECK_SAYS(folder, ".: error: cannot be read: Is a directory\n");
    CHECK_SAYS(endless, "/dev/zero: error: is no configuration file");
}

static void lines_may_end_as_on_other_systems(void)
{
    compare("\xef\xbb\xbf[stage a]\r\nkind = pattern\r\n\r\n[stage b]\r\nkind = null \r\ninput = a\t\r\n", -1, "");
}

/* Any bytes at all give an answer and no crash. */
static void no_text_is_too_strange(void)
{
    static const char *const pieces[] = {"[stage a]\n",
                                         "[stage b]\n",
                                         "[lane a -> b]\n",
                                         "kind = pattern\n",
                                         "kind = null\n",
                                         "input = a\n",
                                         "input = b\n",
                                         "=",
                                         "[",
                                         "]",
                                         "\n",
                                         "size = 9:9\n",
                                         "kind = crop\n",
                                         " ",
                                         "#",
                                         "\xc3\xbc",
                                         "->",
                                         "credits = 3\n",
                                         "\r\n",
                                         "[pipeline]\n",
                                         "name = x\n",
                                         "url = -\n",
                                         "kind = hash\n"};
    unsigned long long state = 21;
    for (unsigned n = 0; n < 3000; n++) {
        g_autoptr(GString) text = g_string_new(NULL);
        for (unsigned i = next_random(&state) % 16; i > 0; i--)
            g_string_append(text, pieces[next_random(&state) % G_N_ELEMENTS(pieces)]);
        FILE *file = fopen("bad.ini", "we");
        CHECK(file && fwrite(text->str, 1, text->len, file) == text->len && fclose(file) == 0);
        g_autofree char *said = checked("bad.ini");
        CHECK(said);
    }
    CHECK(unlink("bad.ini") == 0);
}

int main(void)
{
    char folder[] = "/tmp/framelane-test-XXXXXX";
    static const struct check_case cases[] = {
        {"every error is said", every_error_is_said},
        {"what is no text is refused", what_is_no_text_is_refused},
        {"what cannot be read is said", what_cannot_be_read_is_said},
        {"lines may end as on other systems", lines_may_end_as_on_other_systems},
        {"no text is too strange", no_text_is_too_strange},
    };
    CHECK(mkdtemp(folder) && chdir(folder) == 0);
    int status = CHECK_RUN(cases);
    CHECK(rmdir(folder) == 0);
    return status;
}
