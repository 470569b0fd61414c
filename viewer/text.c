#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <SDL2/SDL_ttf.h>

static const char *const places[] = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/dejavu-sans-mono-fonts/DejaVuSansMono.ttf",
    "/usr/share/fonts/TTF/DejaVuSansMono.ttf",
    "/usr/share/fonts/dejavu/DejaVuSansMono.ttf",
    "/usr/local/share/fonts/dejavu/DejaVuSansMono.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationMono-Regular.ttf",
};

/* What fontconfig's own program names, where it is installed. To be freed. */
static char *ask_fontconfig(void)
{
    char line[512] = "";
    FILE *answer = popen("fc-match -f '%{file}' 'monospace:fontformat=TrueType' 2>/dev/null", "re");
    if (!answer)
        return NULL;
    char *got = fgets(line, sizeof line, answer);
    pclose(answer);
    return got && line[0] == '/' ? strdup(line) : NULL;
}

static char *find_font(const char *path)
{
    if (path)
        return strdup(path);
    for (unsigned i = 0; i < SDL_arraysize(places); i++)
        if (access(places[i], R_OK) == 0)
            return strdup(places[i]);
    return ask_fontconfig();
}

int fl_text_open(struct fl_text *text, SDL_Renderer *renderer, const char *path, int size)
{
    *text = (struct fl_text){.renderer = renderer, .started = TTF_Init() == 0};
    text->path = text->started ? find_font(path) : NULL;
    fl_text_set_size(text, size);
    return text->font ? 0 : -ENOENT;
}

static void forget_lines(struct fl_text *text)
{
    for (unsigned i = 0; i < FL_TEXT_LINES; i++) {
        if (text->lines[i].texture)
            SDL_DestroyTexture(text->lines[i].texture);
        free(text->lines[i].words);
        text->lines[i] = (struct fl_text_line){0};
    }
}

void fl_text_set_size(struct fl_text *text, int size)
{
    if (!text->path || (text->font && size == text->size))
        return;
    if (text->font)
        TTF_CloseFont(text->font);
    forget_lines(text);
    text->font = TTF_OpenFont(text->path, size);
    text->size = size;
    text->height = text->font ? TTF_FontLineSkip(text->font) : 0;
}

void fl_text_close(struct fl_text *text)
{
    forget_lines(text);
    if (text->font)
        TTF_CloseFont(text->font);
    if (text->started)
        TTF_Quit();
    free(text->path);
    *text = (struct fl_text){0};
}

static void render(struct fl_text *text, struct fl_text_line *line, const char *words)
{
    SDL_Surface *surface = TTF_RenderUTF8_Blended(text->font, words, (SDL_Color){255, 255, 255, 255});
    if (line->texture)
        SDL_DestroyTexture(line->texture);
    free(line->words);
    *line = (struct fl_text_line){.words = strdup(words)};
    if (!surface)
        return;
    line->texture = SDL_CreateTextureFromSurface(text->renderer, surface);
    line->width = surface->w;
    line->height = surface->h;
    SDL_FreeSurface(surface);
}

/* White, to be coloured when drawn; the line used longest ago gives way. */
static struct fl_text_line *line_of(struct fl_text *text, const char *words)
{
    struct fl_text_line *oldest = &text->lines[0];
    for (unsigned i = 0; i < FL_TEXT_LINES; i++) {
        struct fl_text_line *line = &text->lines[i];
        if (line->words && strcmp(line->words, words) == 0) {
            line->used = ++text->uses;
            return line;
        }
        if (line->used < oldest->used)
            oldest = line;
    }
    render(text, oldest, words);
    oldest->used = ++text->uses;
    return oldest;
}

int fl_text_width(struct fl_text *text, const char *words)
{
    int width = 0;
    if (text->font)
        TTF_SizeUTF8(text->font, words, &width, NULL);
    return width;
}

void fl_text_draw(struct fl_text *text, int x, int y, SDL_Color colour, const char *words)
{
    if (!text->font || !*words)
        return;
    struct fl_text_line *line = line_of(text, words);
    SDL_Rect to = {x, y, line->width, line->height};
    if (!line->texture)
        return;
    SDL_SetTextureColorMod(line->texture, colour.r, colour.g, colour.b);
    SDL_SetTextureAlphaMod(line->texture, colour.a);
    SDL_RenderCopy(text->renderer, line->texture, NULL, &to);
}
