#include "shell-words.h"
#include "parse.h"

#include <string.h>

typedef struct {
    const char *line, *c;
    GString *text;
    GArray *at; /* gsize */
    gboolean quoted;
} Splitter;

static void word_free(gpointer data)
{
    FlShellWord *word = data;
    g_free(word->text);
    g_free(word->at);
    g_free(word);
}

static void take(Splitter *s)
{
    gsize at = (gsize)(s->c - s->line);
    g_string_append_c(s->text, *s->c++);
    g_array_append_val(s->at, at);
}

/* From the opening quote to behind the closing one. FALSE: there is none. */
static gboolean take_quoted(Splitter *s)
{
    char quote = *s->c++;
    s->quoted = TRUE;
    while (*s->c && *s->c != quote) {
        if (quote == '"' && *s->c == '\\' && s->c[1] && strchr("$`\"\\", s->c[1]))
            s->c++;
        take(s);
    }
    return *s->c++ == quote;
}

/* The word that begins at c. FALSE: a quote does not end; c is where it begins. */
static gboolean take_word(Splitter *s)
{
    while (*s->c && !g_ascii_isspace(*s->c)) {
        const char *begin = s->c;
        if (*s->c == '\\' && s->c[1]) {
            s->quoted = TRUE;
            s->c++;
            take(s);
        } else if (*s->c == '\'' || *s->c == '"') {
            if (!take_quoted(s)) {
                s->c = begin;
                return FALSE;
            }
        } else {
            take(s);
        }
    }
    return TRUE;
}

static FlShellWord *finish_word(Splitter *s)
{
    FlShellWord *word = g_new0(FlShellWord, 1);
    gsize end = (gsize)(s->c - s->line);
    g_array_append_val(s->at, end);
    word->text = g_string_free(s->text, FALSE);
    word->at = (gsize *)(void *)g_array_free(s->at, FALSE);
    word->quoted = s->quoted;
    return word;
}

GPtrArray *fl_shell_words(const char *line, FlDiagnostics *d)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(word_free);
    Splitter s = {.line = line, .c = line};
    while (*(s.c += strspn(s.c, " \t\r\n\v\f"))) {
        s.text = g_string_new(NULL);
        s.at = g_array_new(FALSE, FALSE, sizeof(gsize));
        s.quoted = FALSE;
        gboolean good = take_word(&s);
        g_ptr_array_add(words, finish_word(&s));
        if (!good) {
            fl_diagnose(d, fl_place_in("-e", line, (gsize)(s.c - line), 1, 1), "close it, or put a backslash before it",
                        "this quote does not end");
            return NULL;
        }
    }
    return g_steal_pointer(&words);
}

FlPlace fl_shell_word_place(const FlShellWord *word, const char *line, gsize offset, gsize length)
{
    gsize whole = strlen(word->text), start = word->at[offset], end = word->at[offset + length];
    if (offset == 0 && length == whole && word->quoted) /* the quotes belong to it */
        while (start && !g_ascii_isspace(line[start - 1]))
            start--;
    return fl_place_in("-e", line, start, MAX(end, start) - start, 1);
}
