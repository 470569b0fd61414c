/* The page of keys: sentences; in a window that has no room for them, names in two columns. */
#include "strip.h"

#include <stdio.h>

static const SDL_Color white = {255, 255, 255, 255}, amber = {255, 190, 60, 255};

/* "q  Esc": keys of the same action stand together. */
static void key_words(const struct fl_key_binding *row, const char *between, char *words, size_t size)
{
    bool two = row[1].label && !row[1].help;
    snprintf(words, size, "%s%s%s", row->label, two ? between : "", two ? row[1].label : "");
}

static int count_rows(void)
{
    int count = 0;
    for (const struct fl_key_binding *row = fl_key_bindings; row->label; row++)
        count += row->help != NULL;
    return count;
}

static bool has_room(struct fl_viewer *v)
{
    int widest = 0, height = v->text.height;
    for (const struct fl_key_binding *row = fl_key_bindings; row->label; row++)
        widest = SDL_max(widest, row->help ? fl_text_width(&v->text, row->help) : 0);
    return 6 * height + widest <= (int)v->window.width && count_rows() * height <= (int)v->window.height;
}

static void draw_sentences(struct fl_viewer *v)
{
    char words[40];
    int height = v->text.height, y = SDL_min(2 * height, ((int)v->window.height - count_rows() * height) / 2);
    for (const struct fl_key_binding *row = fl_key_bindings; row->label; row++) {
        if (!row->help)
            continue;
        key_words(row, "  ", words, sizeof words);
        fl_text_draw(&v->text, 2 * height, y, amber, words);
        fl_text_draw(&v->text, 6 * height, y, white, row->help);
        y += height;
    }
}

static void draw_cell(struct fl_viewer *v, int x, int y, int width, const char *key, const char *name)
{
    char words[40];
    int by = fl_text_width(&v->text, key) + v->text.height / 2;
    snprintf(words, sizeof words, "%s", name);
    fl_strip_elide(v, words, sizeof words, width - by - v->text.height / 4);
    fl_text_draw(&v->text, x, y, amber, key);
    fl_text_draw(&v->text, x + by, y, white, words);
}

/* As many as there is room for; the last cell tells where the others are. */
static void draw_names(struct fl_viewer *v)
{
    char key[40];
    int height = v->text.height, x = fl_strip_margin(v), width = ((int)v->window.width - x) / 2, n = 0;
    int down = SDL_clamp((int)v->window.height / height, 1, (count_rows() + 1) / 2), cells = 2 * down;
    for (const struct fl_key_binding *row = fl_key_bindings; row->label && n < cells; row++) {
        bool others = n + 1 == cells && cells < count_rows();
        if (!row->help)
            continue;
        key_words(row, " ", key, sizeof key);
        draw_cell(v, x + n / down * width, n % down * height, width, others ? "f" : key, others ? "to see all" : row->name);
        n++;
    }
}

void fl_help_page_draw(struct fl_viewer *v)
{
    fl_strip_fill(v, 0, 0, (int)v->window.width, (int)v->window.height, (SDL_Color){0, 0, 0, 200});
    if (!v->text.font)
        return;
    if (has_room(v))
        draw_sentences(v);
    else
        draw_names(v);
}
