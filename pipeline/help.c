#include "commands.h"

#include <string.h>

static const char general[] =
    "framelane " FL_VERSION ": video pipelines as separate processes that pass frames through shared memory\n"
    "\n"
    "usage: framelane VERB [ARGUMENT]...        framelane VERB --help says more\n"
    "\n"
    "  run FILE | -e '...'    start a pipeline and watch over it until it ends\n"
    "  check FILE | -e '...'  tell all that is wrong in its text, and what it will need\n"
    "  inspect [KIND]         kinds of stages and their keys; codecs and filters\n"
    "  doctor                 what this machine lacks, and what would not work because of it\n"
    "  --version              the version\n"
    "\n"
    "for example:\n"
    "  framelane run -e 'pattern frames=100 ! hash'\n"
    "  framelane run -e 'decode in.mkv ! scale 1280:-2 ! encode out.mp4 codec=libx264 crf=20'\n"
    "  framelane run -e 'decode in.mkv as cam ! crop 640:360 ! encode a.mkv ; cam ! hash in.framemd5'\n"
    "\n"
    "not built yet: graph, ls, status, top, stop, restart, set, view, snap, tap, bench\n";

static const char run[] =
    "usage: framelane run FILE | -e 'STAGE ! STAGE ...' [OPTION]...\n"
    "\n"
    "Starts every stage of a pipeline as a process of its own and watches over them until the end.\n"
    "\n"
    "  -e, --expression '...'  the pipeline itself, in place of a configuration FILE:\n"
    "                          stages joined by ' ! ', chains by ' ; ', each KIND [MAIN-ARGUMENT] [KEY=VALUE]... [as NAME];\n"
    "                          a chain that begins with the name of a stage goes on from it\n"
    "  --set STAGE.KEY=VALUE   change one key; may be given several times\n"
    "  --transport shm|pipe    how frames cross: shared memory (the default), or copied through pipes\n"
    "  --frames N              end after N frames of each source\n"
    "  --for TIME              end after that time: 10s, 500ms, 2m; a bare number is seconds\n"
    "  --max-drop N|N%         exit with 5 if more frames were dropped\n"
    "  --json[=FILE]           one JSON object a second, and one at the end, on standard output or in FILE\n"
    "  --quiet, --verbose      say less, or more\n"
    "  --dry-run               check and show what would be run\n"
    "\n"
    "The first Ctrl-C stops the sources and closes every file properly; the second stops at once.\n"
    "\n"
    "exit status: 0 all outputs closed well    1 a stage failed, or the video gave no frame    2 usage    3 configuration invalid\n"
    "             4 could not start    5 done, but over --max-drop    130, 143 second signal, outputs not closed\n";

static const char check[] =
    "usage: framelane check FILE | -e 'STAGE ! STAGE ...' [--set STAGE.KEY=VALUE]... [--transport shm|pipe] [--json]\n"
    "\n"
    "Tells all that is wrong in the text of a pipeline, with place and remedy, without starting it; whether inputs, codecs and\n"
    "filters are there, the stages say when they start. Where nothing is wrong it prints stages and lanes, with the slots and\n"
    "bytes that they will need as far as the configuration tells, and the longest chain along which a frame is passed on without\n"
    "a copy.\n"
    "\n"
    "exit status: 0 valid    2 usage    3 invalid\n";

static const char inspect[] =
    "usage: framelane inspect                 kinds of stages\n"
    "       framelane inspect KIND            one kind, and its keys\n"
    "       framelane inspect codec [NAME]    encoders and decoders, or one of them: pixel formats, options\n"
    "       framelane inspect filter [NAME]   filters, or one of them: its options\n"
    "       framelane inspect muxer [NAME]    muxers, or one of them: default codecs, options\n"
    "       framelane inspect demuxer [NAME]  demuxers, or one of them: its options\n"
    "\n"
    "  --json    as JSON\n"
    "\n"
    "exit status: 0 found    1 no such thing    2 usage\n";

static const char doctor[] = "usage: framelane doctor [--json]\n"
                             "\n"
                             "Looks at what this machine offers: memory that can be sealed and shared, limits, parts of Framelane "
                             "itself. Each line says ok, warn or\n"
                             "fail, what that means, and what can be done.\n"
                             "\n"
                             "exit status: 0 pipelines can run here    1 something that they need is missing    2 usage\n";

const char *fl_command_help(const char *verb)
{
    static const struct {
        const char *verb, *text;
    } texts[] = {{"", general}, {"run", run}, {"check", check}, {"inspect", inspect}, {"doctor", doctor}};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        if (strcmp(texts[i].verb, verb) == 0)
            return texts[i].text;
    return NULL;
}
