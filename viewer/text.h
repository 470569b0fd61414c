/* Words on the picture: one font of equal widths, SDL2_ttf, lines kept as textures while they are in use. Without a font nothing is
 * drawn and all else works. */
#ifndef FL_VIEW_TEXT_H
#define FL_VIEW_TEXT_H

#include <SDL2/SDL.h>
#include <stdbool.h>
#include <stdint.h>

#define FL_TEXT_LINES 64

struct fl_text_line {
    char *words;
    SDL_Texture *texture;
    int width, height;
    uint64_t used;
};

struct fl_text {
    SDL_Renderer *renderer;
    void *font; /* TTF_Font; NULL: there is none */
    char *path;
    int size, height;
    bool started; /* SDL2_ttf is */
    uint64_t uses;
    struct fl_text_line lines[FL_TEXT_LINES];
};

/* `path`: a font file, or NULL: DejaVu Sans Mono where distributions put it, or what fc-match says. `size` in pixels. -ENOENT: no
 * font was found; then drawing does nothing. */
int fl_text_open(struct fl_text *text, SDL_Renderer *renderer, const char *path, int size);
void fl_text_set_size(struct fl_text *text, int size);
void fl_text_close(struct fl_text *text);

int fl_text_width(struct fl_text *text, const char *words);
void fl_text_draw(struct fl_text *text, int x, int y, SDL_Color colour, const char *words);

#endif
