/* The verbs of framelane, one file each. argv[0] is the verb; the answer is the exit code of the process:
 * 0 good, 1 failed, 2 usage, 3 configuration invalid, 4 could not start. Data on stdout, talk on stderr. */
#ifndef FL_COMMANDS_H
#define FL_COMMANDS_H

#include <glib.h>

int fl_cmd_run(int argc, char **argv);
int fl_cmd_check(int argc, char **argv);
int fl_cmd_inspect(int argc, char **argv);
int fl_cmd_doctor(int argc, char **argv);
int fl_cmd_bench(int argc, char **argv);
int fl_cmd_graph(int argc, char **argv);
int fl_cmd_set(int argc, char **argv);
int fl_cmd_ls(int argc, char **argv);
int fl_cmd_status(int argc, char **argv);
int fl_cmd_stop(int argc, char **argv);
int fl_cmd_tap(int argc, char **argv);
int fl_cmd_top(int argc, char **argv);
int fl_cmd_view(int argc, char **argv); /* view and snap */

/* What `framelane help VERB` and `framelane VERB --help` print; NULL: no such verb. */
const char *fl_command_help(const char *verb);

/* Prints "framelane VERB: MESSAGE", and where help is to be found, to stderr. Returns 2. */
int fl_command_usage(const char *verb, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The status object of a run (to g_free), or NULL and a sentence in *why. */
char *fl_command_status(const char *run, char **why);

#endif
