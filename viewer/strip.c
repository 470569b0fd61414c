#include "strip.h"

#include <stdio.h>
#include <string.h>

void fl_strip_fill(struct fl_viewer *v, int x, int y, int width, int height, SDL_Color colour)
{
    SDL_Rect box = {x, y, width, height};
    SDL_SetRenderDrawBlendMode(v->window.renderer, SDL_BLENDMODE_BLEND);
    SDL_SetRenderDrawColor(v->window.renderer, colour.r, colour.g, colour.b, colour.a);
    SDL_RenderFillRect(v->window.renderer, &box);
}

int fl_strip_margin(const struct fl_viewer *v)
{
    return v->text.height / 2;
}

void fl_strip_line(struct fl_viewer *v, int x, int y, SDL_Color colour, const char *words)
{
    int pad = v->text.height / 4;
    if (v->text.font)
        fl_strip_fill(v, x - pad, y, fl_text_width(&v->text, words) + 2 * pad, v->text.height, (SDL_Color){0, 0, 0, 176});
    fl_text_draw(&v->text, x, y, colour, words);
}

void fl_strip_elide(struct fl_viewer *v, char *words, size_t size, int room)
{
    size_t bytes = strlen(words);
    while (bytes > 0 && fl_text_width(&v->text, words) > room) {
        do
            bytes--;
        while (bytes > 0 && ((unsigned char)words[bytes] & 0xc0) == 0x80); /* to where a letter begins */
        snprintf(words + bytes, size - bytes, "…");
    }
}

/* ---- several lines ---- */

static void add(struct fl_strips *strips, enum fl_strip_rank rank, SDL_Color colour, const char *words)
{
    if (strips->count == FL_STRIP_MOST)
        return;
    snprintf(strips->line[strips->count].words, FL_STRIP_BYTES, "%s", words);
    strips->line[strips->count].colour = colour;
    strips->line[strips->count++].rank = rank;
}

/* As much of it as fits, as far as it can be broken: bytes of `words`, which stand in `part`. */
static size_t break_off(struct fl_viewer *v, const char *words, char part[FL_STRIP_BYTES], int room)
{
    snprintf(part, FL_STRIP_BYTES, "%s", words);
    size_t fits = strlen(part);
    while (fl_text_width(&v->text, part) > room) {
        char *last = NULL;
        for (char *gap = strstr(part, "  "); gap; gap = strstr(gap + 1, "  "))
            last = gap;
        if (!last || last == part)
            break;
        *last = 0;
        fits = (size_t)(last - part);
    }
    return fits;
}

void fl_strips_add(struct fl_viewer *v, struct fl_strips *strips, enum fl_strip_rank rank, SDL_Color colour, const char *words)
{
    char part[FL_STRIP_BYTES];
    int room = (int)v->window.width - 2 * fl_strip_margin(v);
    while (*words) {
        words += break_off(v, words, part, room);
        words += strspn(words, " ");
        fl_strip_elide(v, part, sizeof part, room);
        add(strips, rank, colour, part);
    }
}

static void leave_out(struct fl_strips *strips)
{
    unsigned least = 0;
    for (unsigned i = 1; i < strips->count; i++)
        if (strips->line[i].rank <= strips->line[least].rank)
            least = i;
    strips->count--;
    memmove(&strips->line[least], &strips->line[least + 1], (strips->count - least) * sizeof strips->line[0]);
}

void fl_strips_draw(struct fl_viewer *v, struct fl_strips *strips, unsigned most)
{
    int x = fl_strip_margin(v);
    while (strips->count > most)
        leave_out(strips);
    for (unsigned i = 0; i < strips->count; i++)
        fl_strip_line(v, x, x + (int)i * v->text.height, strips->line[i].colour, strips->line[i].words);
}
