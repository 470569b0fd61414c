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
    "  graph FILE | RUN       its stages and lanes, drawn\n"
    "  ls                     runs that go on now\n"
    "  status RUN             what each stage and lane of a run does at this moment\n"
    "  top [RUN]              the same of all runs, again and again\n"
    "  stop RUN               end a run, with its files closed properly\n"
    "  set RUN/STAGE K=V      change a parameter of a stage that runs, at one exact frame\n"
    "  view RUN[/STAGE]       a window on what a stage gives, while the run goes on\n"
    "  snap RUN[/STAGE] FILE  one frame of that, as a PNG\n"
    "  tap RUN[/STAGE]        write the frames of a stage to a file or a pipe, from now on\n"
    "  doctor                 what this machine lacks, and what would not work because of it\n"
    "  bench                  what frames cost in shared memory, pipes, sockets, GStreamer and FFmpeg on this machine\n"
    "  --version              the version\n"
    "\n"
    "for example:\n"
    "  framelane run -e 'pattern frames=100 ! hash'\n"
    "  framelane run -e 'decode in.mkv ! scale 1280:-2 ! encode out.mp4 codec=libx264 crf=20'\n"
    "  framelane run -e 'decode in.mkv as cam ! crop 640:360 ! encode a.mkv ; cam ! hash in.framemd5'\n"
    "\n"
    "not built yet: restart\n";

static const char run[] =
    "usage: framelane run FILE | -e 'STAGE ! STAGE ...' [OPTION]...\n"
    "\n"
    "Starts every stage of a pipeline as a process of its own and watches over them until the end.\n"
    "\n"
    "  -e, --expression '...'  the pipeline itself, in place of a configuration FILE:\n"
    "                          stages joined by ' ! ', chains by ' ; ', each KIND [MAIN-ARGUMENT] [KEY=VALUE]... [as NAME];\n"
    "                          a chain that begins with the name of a stage goes on from it\n"
    "  --name NAME             what ls, status, top and stop call it; otherwise that of the file\n"
    "  --set STAGE.KEY=VALUE   change one key; may be given several times\n"
    "  --transport shm|pipe    how frames cross: shared memory (the default), or copied through pipes\n"
    "  --view STAGE            a window on that stage from the start; it never holds the others up\n"
    "  --frames N              end after N frames of each source\n"
    "  --for TIME              end after that time: 10s, 500ms, 2m; a bare number is seconds\n"
    "  --max-drop N|N%         exit with 5 if more frames were dropped\n"
    "  --json[=FILE]           one JSON object a second, and one at the end, on standard output or in FILE\n"
    "  --drop-log FILE         one line a dropped frame: when, which, on what lane, why, and who held the credits then\n"
    "  --trace FILE            each frame's way through all processes, for ui.perfetto.dev (Trace Event JSON); it grows with\n"
    "                          every frame: with --frames or --for it has an end\n"
    "  --metrics [ADDR:]PORT   figures for Prometheus at http://127.0.0.1:PORT/metrics, or at the address named;\n"
    "  --metrics FILE          or in FILE, written anew once a second; a name that begins like a port or an address is ./NAME\n"
    "  --quiet, --verbose      say less, or more\n"
    "  --dry-run               check and show what would be run\n"
    "\n"
    "The first Ctrl-C stops the sources and closes every file properly, and says after 2 s for whom it still waits; the second\n"
    "stops at once, and says which outputs are complete.\n"
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

static const char graph[] =
    "usage: framelane graph FILE | RUN | -e 'STAGE ! STAGE ...' [--set STAGE.KEY=VALUE]... [--format text|dot|svg|json] [--live]\n"
    "\n"
    "Draws which stage takes frames from which. A name that is a file's is that file; another is a run's.\n"
    "\n"
    "  --format text    a tree (the default)\n"
    "  --format dot     for graphviz; svg: as graphviz (Debian package graphviz) draws it; json: as data\n"
    "  --live           of a RUN, with its figures of this moment\n"
    "\n"
    "exit status: 0 drawn    1 there is no such run, or dot is missing    2 usage    3 configuration invalid\n";

static const char ls[] =
    "usage: framelane ls [--json]\n"
    "\n"
    "Lists the runs of this user that go on now, with the frames a second that reach their far end, what was dropped, and the\n"
    "stage that the others wait for. --json gives their status objects.\n"
    "\n"
    "exit status: 0 listed, also where nothing runs    1 the folder of the control sockets cannot be used    2 usage\n";

static const char status[] =
    "usage: framelane status RUN [--json]\n"
    "\n"
    "Shows what each stage of a run does (frames a second over the last 2 s; milliseconds of work a frame, median and 99th\n"
    "percentile, over the last 10 s; AGE: from when the frame was due at its source until the stage was done with it; processor,\n"
    "memory, what it waits for), how full each lane is, and who is attached from outside. \"cam -> fl:tap (4711)\" is the\n"
    "process 4711, with a lane of its own; who looks on (view, snap) has the policy peek, and holds nothing. The run takes no\n"
    "notice.\n"
    "\n"
    "  --json    one object, with the members of the last object of run --json and the figures of this moment. Its list guests\n"
    "            holds those attached from outside: pid, program, state, from, carries, when_full (peek: looks on), and of a\n"
    "            lane credits, in_use, sent, returned, dropped\n"
    "\n"
    "exit status: 0 shown    1 there is no such run, or it does not answer    2 usage\n";

static const char top[] =
    "usage: framelane top [RUN] [-b] [-d SECONDS] [-n PAGES]\n"
    "\n"
    "Shows what status shows, of one RUN or of all, once a second; ? there tells the keys. Says which stage the others wait for.\n"
    "Of those who are attached from outside it shows the first four of a run.\n"
    "\n"
    "  -b, --batch      print page after page as text; so it does by itself where the output is no terminal\n"
    "  -d SECONDS       from one page to the next (1)\n"
    "  -n PAGES         print so many and end; otherwise it goes on until the RUN is over\n"
    "\n"
    "Colours are left out where NO_COLOR is set.\n"
    "\n"
    "exit status: 0 shown    1 there is no such run, or the terminal cannot be drawn on    2 usage\n";

static const char stop[] =
    "usage: framelane stop RUN [--now]\n"
    "\n"
    "Ends a run as the first Ctrl-C does: sources stop, what is under way is finished, files are closed. Returns when it is over.\n"
    "\n"
    "  --now    end it as the second Ctrl-C does: at once, outputs that were not finished by then are not closed\n"
    "\n"
    "exit status: 0 it has ended as asked    1 there is no such run, or it ended with an error    2 usage\n";

static const char set[] =
    "usage: framelane set RUN/STAGE KEY=VALUE [--rebuild] [--wait TIME] [--json]\n"
    "\n"
    "Changes a parameter of a stage while its run goes on, and says from which frame on the value holds: every frame before that\n"
    "one was made with the old value, every frame from it on with the new. Frames carry how often parameters above them have been\n"
    "changed (status: parameters). framelane inspect KIND tells what can be set.\n"
    "\n"
    "For libavfilter's chains KEY is FILTER.OPTION, or FILTER@NAME.OPTION where the chain names its filters so.\n"
    "\n"
    "  --rebuild      (or rebuild=true) the stage may build anew what it works with; its output may change in size and format\n"
    "  --wait TIME    for the frame at which it is to hold (5s); after that nothing is changed any more\n"
    "  --json         one object: run, stage, key, value, frame, parameters\n"
    "\n"
    "exit status: 0 it holds    1 there is no such run or stage, or no frame came    2 usage    3 the key or the value is wrong\n";

static const char view[] =
    "usage: framelane view RUN[/STAGE] [OPTION]...\n"
    "\n"
    "Opens a window on what a STAGE of a run gives (on what it takes, where it gives nothing; without a STAGE, on the first\n"
    "that gives pictures). The run takes no notice: frames are copied out as they come by, and what is missed is missed. When\n"
    "the run is over the last picture stays, and a run of the same name is found again. ? shows the keys, q closes.\n"
    "\n"
    "  --size WxH            of the window; otherwise the picture's, or what the screen has room for\n"
    "  --zoom fit|1:1        begin with the picture as large as the window (the default), or one pixel a pixel of the screen\n"
    "  --fullscreen          begin with the full screen\n"
    "  --overlay             begin with the overlay shown (key I)\n"
    "  --against STAGE       what d compares with; otherwise the stage above, or else below\n"
    "  --history N           recent frames kept to step back to, at most 256 MiB, from the start; otherwise 32 from the first\n"
    "                        freeze or step on; 0: none\n"
    "  --screenshot NAME     file for screenshots (%s-%n.png): %s is the stage, %n the number of the frame\n"
    "  --wait                where there is no such run yet, wait for it\n"
    "  --once                close the window when the run is over\n"
    "  --no-vsync            do not wait for the refresh of the screen\n"
    "  --title TEXT, --font FILE   of the window; of the overlay\n"
    "  --events FILE         one JSON line for each key, frame shown and change of state\n"
    "\n"
    "SDL_VIDEODRIVER=dummy opens a window that nobody sees.\n"
    "\n"
    "exit status: 0 the window was closed    1 there is no such run or stage    2 usage    4 no window can be opened\n";

static const char snap[] =
    "usage: framelane snap RUN[/STAGE] FILE.png [--frame now|next] [--timeout SECONDS] [--no-overwrite]\n"
    "\n"
    "Writes one frame of what a STAGE of a run gives (of what it takes, where it gives nothing; without a STAGE, of the first\n"
    "that gives pictures) as a PNG: its own samples in right colours, turned as they are to be seen; where samples are not\n"
    "square, the file says so. FILE - is standard output.\n"
    "\n"
    "  --frame next         the first frame from here on, instead of the newest there is\n"
    "  --timeout SECONDS    how long to wait for one (10)\n"
    "  --no-overwrite       leave a FILE that is there as it is; otherwise it is replaced\n"
    "\n"
    "exit status: 0 written    1 there is no such run, stage or frame    2 usage    4 FILE cannot be written\n";

static const char tap[] =
    "usage: framelane tap RUN[/STAGE] [-o FILE] [--format y4m|nut|raw] [--frames N]\n"
    "\n"
    "Writes the frames that a STAGE of a run gives from now on (those it takes, where it gives none; without a STAGE, those of\n"
    "the first that gives pictures). Nobody waits for it: where it is too slow it misses some, and says how many. Ends with the\n"
    "run, with Ctrl-C, or when nobody reads any more.\n"
    "\n"
    "  -o, --output FILE    .y4m, .nut or .raw; - is standard output (the default)\n"
    "  --format y4m         size and pixels, for other tools on a pipe (the default on standard output)\n"
    "  --format nut         any pixel format, with the times of the frames\n"
    "  --format raw         the bare pixels\n"
    "  --frames N           so many, then end\n"
    "\n"
    "for example:\n"
    "  framelane tap cam1/scale | ffplay -\n"
    "\n"
    "It takes three of the spare slots of the stage. There are three, so one tap an output at a time, where the configuration\n"
    "does not give the stage more: spare-slots = 6 for two.\n"
    "\n"
    "exit status: 0 written    1 there is no such run or stage, no slot to spare, or it could not be written    2 usage\n"
    "             130 second Ctrl-C, the file is not complete\n";

static const char bench[] =
    "usage: framelane bench [--quick] [OPTION]...             ways to carry frames, against one another\n"
    "       framelane bench --micro [OPTION]...               the transport against the floor of this machine\n"
    "       framelane bench --experiment NAME|list|all [--rounds N] [--quick] [--json] [-o DIR] [--broken MISTAKE]\n"
    "       framelane bench --pipeline FILE --against '...'   a whole pipeline against other commands\n"
    "       framelane bench --compare FIRST SECOND            two files of --json, or two bench.json: what differs beyond noise?\n"
    "\n"
    "Without --micro the same frames go through shared memory, pipes, sockets, GStreamer and libavformat, and every byte is\n"
    "checked at the far end. Each round runs every way once, in an order left to chance; figures are medians over rounds with\n"
    "their 95 % interval, and what two runs of the same thing differ by is measured and shown. --quick takes less than two\n"
    "minutes, all of it, with a whole film, some twenty. Close other programs first: only ratios within one table mean\n"
    "something.\n"
    "\n"
    "  --quick           fewer sizes, 3 short rounds\n"
    "  --transport LIST  shm,shm-copy,pipe,... (a wrong name lists them); the first is what the others are held against\n"
    "  --size LIST       64,4K,1M (bytes), 720p,1080p,2160p (16:9, I420), 640x360\n"
    "  --consumers LIST  1 to 32\n"
    "  --rate LIST       max, or frames a second: then latency counts from when a frame was due (max,60)\n"
    "  --work LIST       none (the frame's number), touch (a word a page), read (every byte), write+read (the default)\n"
    "  --pin LIST        across (the producer has a core to itself), one, free\n"
    "  --rounds N        (7)     --seconds N  of one round\n"
    "  --film FILE       with a table of this film, decoded, scaled and encoded by Framelane, FFmpeg and GStreamer; none: without\n"
    "  --json            JSON lines: a head, a row for each way and condition, the noise floor\n"
    "  -o, --output DIR  the report as text, Markdown, JSON and CSV, and plots as SVG and PNG (Debian package gnuplot-nox)\n"
    "\n"
    "--pipeline runs FILE (or an expression 'decode in.mkv ! ...') and each command of --against in rounds: wall time, CPU of\n"
    "all processes, frames. {out} in any of them is a file of its own, to which an ending may be added: {out}.mkv.\n"
    "--pipeline transcode is a comparison ready made, with ffmpeg in one process and over pipes and with GStreamer.\n"
    "\n"
    "Several consumers, latency, stalls and pinning are asked at one size: 1080p, or the largest given.\n"
    "\n"
    "With --micro one question after another (how long a handoff takes, how many announcements a second, what a frame costs)\n"
    "is set beside the barest means this machine has for the same work, measured in the same round.\n"
    "\n"
    "  --rounds N      so many rounds (7); value, floor and ratio are medians over them\n"
    "  --only NAME     only questions whose name begins so; may be given several times\n"
    "  --quick         a tenth of the time, 3 rounds: to see that everything works\n"
    "  --sweep         instead, parameters (credits, batch, spin, slots) tried at many values, to show where the best lies\n"
    "  --list          the names, and what each asks\n"
    "  --json          one JSON object a line: question, value, floor, ratio, target, ok, low, high, rounds, unit, bound, note\n"
    "\n"
    "A peer that is not installed, and what this machine cannot answer, has no row and is named on standard error.\n"
    "\n"
    "--experiment sets a model beside what this machine does and prints its page, what was measured, and a verdict: each claim\n"
    "holds, is refuted, or is undecided within the noise. -o DIR writes NAME.json, NAME.md and plots (with gnuplot) besides;\n"
    "--broken copy, bells or credits runs it over a build with that mistake in it, which must be refuted.\n"
    "\n"
    "exit status: 0 measured, whether or not a target was met    1 a measurement failed    2 usage    4 could not start\n";

const char *fl_command_help(const char *verb)
{
    static const struct {
        const char *verb, *text;
    } texts[] = {
        {"", general},
        {"run", run},
        {"check", check},
        {"inspect", inspect},
        {"doctor", doctor},
        {"bench", bench},
        {"ls", ls},
        {"status", status},
        {"stop", stop},
        {"set", set},
        {"tap", tap},
        {"top", top},
        {"graph", graph},
        {"view", view},
        {"snap", snap},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        if (strcmp(texts[i].verb, verb) == 0)
            return texts[i].text;
    return NULL;
}
