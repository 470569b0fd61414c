/* A line split into words by the shell's quoting rules: spaces separate; '...' takes everything as it is; in "..." a backslash
 * takes the next of $ ` " \ as it is; outside of quotes it takes any next character so. Nothing is expanded. */
#ifndef FL_SHELL_WORDS_H
#define FL_SHELL_WORDS_H

#include "description.h"

typedef struct {
    char *text;
    gboolean quoted; /* some of it was: it separates nothing and is no word of the language */
    gsize *at;       /* for each byte of text, and its end: where it stood in the line */
} FlShellWord;

/* FlShellWord*, or NULL after an error: a quote does not end. */
GPtrArray *fl_shell_words(const char *line, FlDiagnostics *d);
/* Of `length` bytes of the word from `offset`, in the line it was split from. */
FlPlace fl_shell_word_place(const FlShellWord *word, const char *line, gsize offset, gsize length);

#endif
