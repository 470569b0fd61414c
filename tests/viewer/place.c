/* Where the picture stands, and which sample is under a point: the same arithmetic both ways, for every turn, aspect and zoom. */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "place.h"

static struct fl_place_picture picture(unsigned width, unsigned height, double sar, unsigned turns, bool flip)
{
    return (struct fl_place_picture){.width = width, .height = height, .sar = sar, .turns = turns, .flip = flip};
}

static void fits_and_is_centred(void)
{
    struct fl_place_picture p = picture(640, 360, 1, 0, false);
    struct fl_place_view view = {.width = 1280, .height = 1024};
    struct fl_place place = fl_place_work_out(&p, &view);
    CHECK(place.x == 0 && place.y == 152 && place.width == 1280 && place.height == 720 && place.zoom == 2);
    p.turns = 1;
    place = fl_place_work_out(&p, &view);
    CHECK(place.height == 1024 && place.width == 576 && place.x == 352 && place.y == 0);
}

static void samples_that_are_not_square(void)
{
    double width, height;
    struct fl_place_picture wide = picture(720, 576, 64.0 / 45, 0, false), high = picture(720, 576, 0.5, 1, false);
    fl_place_natural_size(&wide, &width, &height);
    CHECK(lrint(width) == 1024 && height == 576);
    fl_place_natural_size(&high, &width, &height);
    CHECK(width == 1152 && height == 720); /* turned: what was high is wide */
}

static void the_sample_under_a_point(void)
{
    struct fl_place_view view = {.width = 900, .height = 700, .zoom = 2, .pan_x = 13, .pan_y = -7};
    for (unsigned turns = 0; turns < 4; turns++) {
        for (unsigned flip = 0; flip < 2; flip++) {
            struct fl_place_picture p = picture(200, 100, 1, turns, flip);
            struct fl_place place = fl_place_work_out(&p, &view);
            /* The middle of the sample in column 30, row 40, forward: flip, then turn. */
            double u = (flip ? 199 - 30 : 30) + 0.5, v = 40.5;
            double x[4] = {u, 100 - v, 200 - u, v}, y[4] = {v, u, 100 - v, 200 - u};
            unsigned column, row;
            CHECK(fl_place_sample_at(&p, &place, place.x + 2 * x[turns], place.y + 2 * y[turns], &column, &row));
            CHECK_EQ(column, 30);
            CHECK_EQ(row, 40);
            CHECK(!fl_place_sample_at(&p, &place, place.x - 0.1, place.y + 1, &column, &row));
            CHECK(!fl_place_sample_at(&p, &place, place.x + 1, place.y + place.height, &column, &row));
        }
    }
}

static void zoom_keeps_what_is_under_the_pointer(void)
{
    struct fl_place_picture p = picture(1920, 1080, 1, 0, false);
    struct fl_place_view view = {.width = 1000, .height = 800};
    unsigned column, row, again_column, again_row;
    for (int step = 0; step < 10; step++) {
        struct fl_place before = fl_place_work_out(&p, &view);
        CHECK(fl_place_sample_at(&p, &before, 600.5, 500.5, &column, &row));
        fl_place_zoom_about(&p, &view, 1.25, 600.5, 500.5);
        struct fl_place after = fl_place_work_out(&p, &view);
        CHECK(after.zoom > before.zoom);
        CHECK(fl_place_sample_at(&p, &after, 600.5, 500.5, &again_column, &again_row));
        CHECK(abs((int)column - (int)again_column) <= 2 && abs((int)row - (int)again_row) <= 2);
    }
}

static void some_of_it_stays_in_the_window(void)
{
    struct fl_place_picture p = picture(640, 480, 1, 0, false);
    struct fl_place_view view = {.width = 1000, .height = 800, .zoom = 1, .pan_x = 1e6, .pan_y = -1e6};
    fl_place_limit_pan(&p, &view);
    struct fl_place place = fl_place_work_out(&p, &view);
    CHECK(place.x < 1000 && place.x + place.width > 0 && place.y < 800 && place.y + place.height > 0);
}

static void matrices(void)
{
    static const struct {
        int32_t a, b, c, d;
        unsigned turns;
        bool flip;
    } known[] = {{1, 0, 0, 1, 0, false},  {0, 1, -1, 0, 1, false}, {-1, 0, 0, -1, 2, false},
                 {0, -1, 1, 0, 3, false}, {-1, 0, 0, 1, 0, true},  {1, 0, 0, -1, 2, true},
                 {0, 1, 1, 0, 3, true},   {0, -1, -1, 0, 1, true}, {0, 0, 0, 0, 0, false}};
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        struct fl_desc desc = {.width = 4, .height = 3, .flags = FL_FRAME_MATRIX};
        desc.display_matrix[0] = known[i].a * 65536;
        desc.display_matrix[1] = known[i].b * 65536;
        desc.display_matrix[3] = known[i].c * 65536;
        desc.display_matrix[4] = known[i].d * 65536;
        struct fl_place_picture p = fl_place_picture_of(&desc);
        CHECK_EQ(p.turns, known[i].turns);
        CHECK_EQ(p.flip, known[i].flip);
        CHECK(p.sar == 1);
    }
}

int main(void)
{
    const struct check_case cases[] = {
        {"the picture fits the window and is centred", fits_and_is_centred},
        {"samples that are not square make it wider or higher", samples_that_are_not_square},
        {"the sample under a point is found through every turn", the_sample_under_a_point},
        {"zoom keeps what is under the pointer", zoom_keeps_what_is_under_the_pointer},
        {"some of it stays in the window", some_of_it_stays_in_the_window},
        {"display matrices turn and flip as they say", matrices},
    };
    return CHECK_RUN(cases);
}
