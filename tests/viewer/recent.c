/* Stepping, freezing and comparing, with a source that gives frames on command: the viewer as it is, on SDL's dummy driver. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "inside.h"

#define WIDTH  160
#define HEIGHT 90
#define BYTES  (WIDTH * HEIGHT * 3)

struct stage {
    struct fl_view_source *source, *second;
    struct fl_viewer *viewer;
    uint64_t copied;
    int at; /* of a graph that is a line from 0 to 2 */
};

static void count_copies(void *arg, uint64_t bytes)
{
    ((struct stage *)arg)->copied += bytes;
}

static int give_second(void *arg, struct fl_view_source **other, char *words, size_t size)
{
    struct stage *stage = arg;
    *other = stage->second;
    if (!stage->second)
        snprintf(words, size, "nothing to compare with");
    return stage->second ? 0 : -1;
}

static void take_second(void *arg)
{
    struct stage *stage = arg;
    fl_view_source_destroy(stage->second);
    stage->second = NULL;
}

static int walk_line(void *arg, int direction, char *words, size_t size)
{
    struct stage *stage = arg;
    int to = stage->at + direction;
    snprintf(words, size, to < 0 || to > 2 ? "nothing is there" : "stage %d", to);
    if (to < 0 || to > 2)
        return -1;
    stage->at = to;
    fl_view_source_clear(stage->source);
    return 0;
}

static const struct fl_view_source_calls calls = {
    .copied = count_copies, .second = give_second, .single = take_second, .walk = walk_line};

static void begin(struct stage *stage, const struct fl_viewer_options *options)
{
    char words[200] = "";
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    *stage = (struct stage){.source = fl_view_source_create(&calls, stage)};
    int error = fl_viewer_create(options, stage->source, &stage->viewer, words, sizeof words);
    if (error == -19) /* ENODEV: an SDL without its dummy driver */
        check_skip(words);
    CHECK_EQ(error, 0);
}

static void end(struct stage *stage)
{
    fl_viewer_destroy(stage->viewer);
    fl_view_source_destroy(stage->source);
    fl_view_source_destroy(stage->second);
}

/* A picture of one colour. */
static void give(struct fl_view_source *source, unsigned number, uint8_t grey)
{
    static uint8_t pixels[BYTES];
    struct fl_view_frame *frame;
    struct fl_desc desc = {.kind = FL_KIND_VIDEO,
                           .plane_count = 1,
                           .epoch = 1,
                           .time_base_num = 1,
                           .time_base_den = 25,
                           .number = number,
                           .width = WIDTH,
                           .height = HEIGHT,
                           .format = "rgb24",
                           .pts = FL_NO_PTS,
                           .planes = {{0, WIDTH * 3, HEIGHT, WIDTH * 3}}};
    memset(pixels, grey, sizeof pixels);
    CHECK_EQ(fl_view_frame_of_bytes(&desc, pixels, sizeof pixels, fl_viewer_now_ns(), &frame), 0);
    fl_view_source_offer(source, frame);
}

static void settle(struct stage *stage)
{
    for (int i = 0; i < 3; i++)
        fl_viewer_step(stage->viewer, 1);
}

static void press(struct stage *stage, const char *keys)
{
    for (; *keys; keys++) {
        SDL_Event event = {.type = SDL_TEXTINPUT};
        event.text.text[0] = *keys;
        SDL_PushEvent(&event);
        settle(stage);
    }
}

static long long shown(const struct stage *stage)
{
    return stage->viewer->shown ? (long long)stage->viewer->shown->desc.number : -1;
}

static void give_many(struct stage *stage, unsigned from, unsigned to)
{
    for (unsigned number = from; number <= to; number++) {
        give(stage->source, number, (uint8_t)number);
        settle(stage);
    }
}

static void freezing_and_stepping(void)
{
    struct stage stage;
    begin(&stage, &(struct fl_viewer_options){0});
    give_many(&stage, 0, 5);
    CHECK_EQ(shown(&stage), 5);
    press(&stage, " ");
    CHECK(stage.viewer->frozen && !stage.viewer->shown->held);
    CHECK_EQ(stage.copied, 0); /* what is private already is kept as it is */
    give_many(&stage, 6, 9);
    CHECK_EQ(shown(&stage), 5);
    press(&stage, "..");
    CHECK_EQ(shown(&stage), 7);
    press(&stage, ",");
    CHECK_EQ(shown(&stage), 6);
    press(&stage, ",,,,");
    CHECK_EQ(shown(&stage), 5);
    CHECK_SAYS(stage.viewer->notice, "no older frame");
    press(&stage, " ");
    give_many(&stage, 10, 10);
    CHECK_EQ(shown(&stage), 10);
    end(&stage);
}

/* Those that wait while the key is pressed are not passed over. */
static void no_frame_is_stepped_over(void)
{
    struct stage stage;
    begin(&stage, &(struct fl_viewer_options){0});
    give_many(&stage, 0, 3);
    give(stage.source, 4, 4);
    give(stage.source, 5, 5);
    fl_viewer_act(stage.viewer, fl_key_find_binding(" "));
    settle(&stage);
    CHECK_EQ(shown(&stage), 3);
    give_many(&stage, 6, 8);
    for (long long number = 4; number <= 8; number++) {
        press(&stage, ".");
        CHECK_EQ(shown(&stage), number);
    }
    end(&stage);
}

static void a_step_waits_for_its_frame(void)
{
    struct stage stage;
    begin(&stage, &(struct fl_viewer_options){0});
    give_many(&stage, 0, 3);
    press(&stage, ".");
    CHECK(stage.viewer->frozen);
    CHECK_EQ(shown(&stage), 3);
    give_many(&stage, 4, 6);
    CHECK_EQ(shown(&stage), 4);
    end(&stage);
}

/* What lies before and after the frame that is looked at stays, however long one looks. */
static void recent_frames_stay_while_frozen(void)
{
    struct stage stage;
    begin(&stage, &(struct fl_viewer_options){.history = 8, .history_at_once = true});
    give_many(&stage, 0, 20);
    press(&stage, " ");
    give_many(&stage, 21, 200);
    CHECK_EQ(shown(&stage), 20);
    press(&stage, ",,,,,,,,,");
    CHECK_EQ(shown(&stage), 13);
    press(&stage, ".......");
    CHECK_EQ(shown(&stage), 20);
    press(&stage, "........");
    CHECK_EQ(shown(&stage), 28);
    press(&stage, ".");
    give_many(&stage, 201, 202);
    CHECK_EQ(shown(&stage), 201); /* there is a gap, and one goes on */
    end(&stage);
}

static void bounded_in_bytes(void)
{
    struct stage stage;
    struct fl_view_counts counts;
    begin(&stage, &(struct fl_viewer_options){0});
    fl_view_source_record(stage.source, 100, 20 * BYTES);
    give_many(&stage, 0, 60);
    fl_view_source_counts(stage.source, &counts);
    CHECK(counts.recorded >= 5 && counts.recorded <= 10 && counts.recorded_bytes <= 10 * BYTES);
    fl_view_source_record(stage.source, 0, 0);
    fl_view_source_counts(stage.source, &counts);
    CHECK_EQ(counts.recorded_bytes, 0);
    end(&stage);
}

static void states(void)
{
    struct stage stage;
    char words[100];
    begin(&stage, &(struct fl_viewer_options){0});
    give_many(&stage, 0, 2);
    uint64_t now = fl_viewer_now_ns();
    fl_overlay_state(stage.viewer, now, words, sizeof words);
    CHECK(!*words);
    fl_overlay_state(stage.viewer, now + 3000000000ull, words, sizeof words);
    CHECK_SAYS(words, "NO NEW FRAME 3.");
    fl_view_source_set_state(stage.source, FL_VIEW_LOST);
    fl_overlay_state(stage.viewer, now, words, sizeof words);
    CHECK_SAYS(words, "SOURCE LOST, waiting");
    give_many(&stage, 3, 3); /* back */
    fl_overlay_state(stage.viewer, fl_viewer_now_ns(), words, sizeof words);
    CHECK(!*words);
    press(&stage, " ");
    fl_view_source_set_state(stage.source, FL_VIEW_ENDED);
    fl_overlay_state(stage.viewer, now, words, sizeof words);
    CHECK_SAYS(words, "FROZEN (0.0 s behind)");
    CHECK_SAYS(words, "END OF STREAM");
    press(&stage, " ");
    fl_overlay_state(stage.viewer, now, words, sizeof words);
    CHECK(strcmp(words, "END OF STREAM") == 0);
    end(&stage);
}

/* The pair is the newest number that both have, wherever either has got to. */
static void difference_of_the_same_number(void)
{
    struct stage stage;
    begin(&stage, &(struct fl_viewer_options){0});
    give_many(&stage, 0, 2);
    press(&stage, "d");
    CHECK(!stage.viewer->difference);
    CHECK_SAYS(stage.viewer->notice, "nothing to compare with");
    stage.second = fl_view_source_create(&calls, &stage);
    press(&stage, "d");
    CHECK(stage.viewer->difference && !stage.viewer->pair_a);
    for (unsigned number = 3; number <= 9; number++) {
        give(stage.source, number, (uint8_t)(100 + number));
        if (number <= 6)
            give(stage.second, number, (uint8_t)(100 + number + (number == 6 ? 5 : 0)));
        settle(&stage);
    }
    CHECK(stage.viewer->pair_a && stage.viewer->pair_a->desc.number == 6 && stage.viewer->pair_b->desc.number == 6);
    CHECK_EQ(stage.viewer->subtraction.most, 5);
    CHECK(stage.viewer->subtraction.mean == 5);
    CHECK_EQ(stage.viewer->subtraction.pixels[0], 5 * FL_DIFFERENCE_GAIN);
    give(stage.second, 9, 109);
    settle(&stage);
    CHECK(stage.viewer->pair_a->desc.number == 9);
    CHECK_EQ(stage.viewer->subtraction.most, 0);
    press(&stage, "d");
    CHECK(!stage.viewer->difference && !stage.viewer->pair_a);
    end(&stage);
}

/* Frozen, it is of the frame that is shown, step by step; where the other has no such frame there is none. */
static void a_frozen_difference_steps(void)
{
    struct stage stage;
    begin(&stage, &(struct fl_viewer_options){.history = 8, .history_at_once = true});
    stage.second = fl_view_source_create(&calls, &stage);
    give_many(&stage, 0, 2);
    press(&stage, "d");
    for (unsigned number = 3; number <= 6; number++) {
        give(stage.source, number, (uint8_t)(100 + number));
        if (number <= 5)
            give(stage.second, number, (uint8_t)(100 + 2 * number));
        settle(&stage);
    }
    press(&stage, " ");
    CHECK_EQ(shown(&stage), 5); /* what one sees, not the newest of one */
    for (long long number = 4; number >= 3; number--) {
        press(&stage, ",");
        CHECK_EQ(shown(&stage), number);
        CHECK(stage.viewer->pair_b && (long long)stage.viewer->pair_b->desc.number == number);
        CHECK_EQ(stage.viewer->subtraction.most, number);
    }
    press(&stage, ",");
    CHECK_EQ(shown(&stage), 2);
    CHECK(stage.viewer->difference && !stage.viewer->pair_a);
    end(&stage);
}

/* From the key on nothing of the stage before is shown as the new one's; at an end one stays. */
static void walking_leaves_all_behind(void)
{
    struct stage stage;
    begin(&stage, &(struct fl_viewer_options){0});
    stage.second = fl_view_source_create(&calls, &stage);
    give_many(&stage, 0, 3);
    press(&stage, "d ");
    CHECK(stage.viewer->frozen && stage.viewer->difference);
    press(&stage, "]");
    CHECK_EQ(stage.at, 1);
    CHECK_EQ(shown(&stage), -1);
    CHECK(!stage.viewer->frozen && !stage.viewer->difference && !stage.second);
    CHECK(!fl_view_source_find(stage.source, &(struct fl_view_frame){.desc.epoch = 1, .desc.number = 3}, 0));
    give_many(&stage, 0, 0);
    CHECK_EQ(shown(&stage), 0);
    press(&stage, "[[");
    CHECK_EQ(stage.at, 0);
    give_many(&stage, 7, 7);
    press(&stage, "[");
    CHECK_SAYS(stage.viewer->notice, "nothing is there");
    CHECK_EQ(shown(&stage), 7);
    end(&stage);
}

static void hostile_words_are_refused(void)
{
    static uint8_t pixels[BYTES];
    struct fl_view_frame *frame;
    struct fl_desc good = {.kind = FL_KIND_VIDEO,
                           .plane_count = 1,
                           .time_base_num = 1,
                           .time_base_den = 25,
                           .width = WIDTH,
                           .height = HEIGHT,
                           .format = "rgb24",
                           .planes = {{0, WIDTH * 3, HEIGHT, WIDTH * 3}}};
    struct fl_desc bad[6] = {good, good, good, good, good, good};
    bad[0].width++;
    bad[1].height++;
    bad[2].plane_count = 0;
    bad[3].planes[0].rows--;
    bad[4].width = 1u << 31;
    memcpy(bad[5].format, "yuv420p", 8);
    CHECK_EQ(fl_view_frame_of_bytes(&good, pixels, sizeof pixels, 0, &frame), 0);
    fl_view_frame_unref(frame);
    for (unsigned i = 0; i < 6; i++)
        CHECK(fl_view_frame_of_bytes(&bad[i], pixels, sizeof pixels, 0, &frame) < 0);
    memcpy(good.format, "0123456789abcdef", 16); /* no NUL */
    CHECK(fl_view_frame_of_bytes(&good, pixels, sizeof pixels, 0, &frame) < 0);
}

int main(void)
{
    const struct check_case cases[] = {
        {"a frozen picture stands, and steps go frame by frame", freezing_and_stepping},
        {"no frame is stepped over", no_frame_is_stepped_over},
        {"a step forward waits for its frame", a_step_waits_for_its_frame},
        {"recent frames stay while the picture is frozen", recent_frames_stay_while_frozen},
        {"what is remembered is bounded in bytes", bounded_in_bytes},
        {"states are drawn as they are", states},
        {"a difference is of the same frame number", difference_of_the_same_number},
        {"a frozen difference steps frame by frame", a_frozen_difference_steps},
        {"walking to another stage leaves all of the one before", walking_leaves_all_behind},
        {"descriptions that do not hold are refused", hostile_words_are_refused},
    };
    return CHECK_RUN(cases);
}
