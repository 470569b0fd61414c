/* Which frame belongs to which refresh: a source that keeps time is shown evenly however its frames arrive, one that runs free is
 * shown as it comes, nothing waits for ever, and what is late is counted. */
#include <stdlib.h>

#include <framelane/frame.h>

#include "check.h"
#include "present.h"

#define MS    1000000ll
#define START (1000 * MS)
#define MOST  2

/* A screen that refreshes, and a source whose frames arrive when a function says. */
struct film {
    int64_t frame_ns, refresh_ns;
    int64_t (*arrival_ns)(const struct film *film, int n);
    int frames;
    int shown[4000]; /* index of the frame at each refresh; -1: none yet */
    int refreshes, late, left_out;
};

static void learn(struct fl_present *present, const struct film *film, int n, struct fl_present_frame *waiting, int *count)
{
    struct fl_present_frame frame = {n * film->frame_ns, film->frame_ns, (uint64_t)film->arrival_ns(film, n)};
    fl_present_arrived(present, &frame);
    if (*count == MOST) {
        waiting[0] = waiting[1];
        --*count;
    }
    waiting[(*count)++] = frame;
}

static void play(struct film *film)
{
    struct fl_present present = {0};
    struct fl_present_frame waiting[MOST];
    int count = 0, next = 0, shown = -1;
    for (film->refreshes = 0; film->refreshes < 4000 && next < film->frames; film->refreshes++) {
        uint64_t now = (uint64_t)(START + film->refreshes * film->refresh_ns);
        while (next < film->frames && (uint64_t)film->arrival_ns(film, next) <= now)
            learn(&present, film, next++, waiting, &count);
        int chosen = fl_present_choose(&present, waiting, (unsigned)count, MOST, now);
        if (chosen >= 0) {
            int frame = (int)(waiting[chosen].pts_ns / film->frame_ns);
            film->late += fl_present_is_late(&present, &waiting[chosen], now, (uint64_t)film->refresh_ns);
            film->left_out += frame - shown - 1;
            CHECK(frame > shown);
            shown = frame;
            count -= chosen + 1;
            if (count)
                waiting[0] = waiting[chosen + 1];
        }
        film->shown[film->refreshes] = shown;
    }
}

static int64_t punctual(const struct film *film, int n)
{
    return START + 5 * MS + n * film->frame_ns;
}

/* Up to 12 ms late, by turns that repeat in no simple way. */
static int64_t jittered(const struct film *film, int n)
{
    return punctual(film, n) + n * 7919 % 13 * MS;
}

static int64_t ten_times_as_fast(const struct film *film, int n)
{
    return START + n * film->frame_ns / 10;
}

static int64_t half_as_fast(const struct film *film, int n)
{
    return START + n * film->frame_ns * 2;
}

/* 20 frames in time, then nothing for three seconds, then as before. */
static int64_t interrupted(const struct film *film, int n)
{
    return punctual(film, n) + (n < 20 ? 0 : 3000 * MS);
}

static int refreshes_of(const struct film *film, int frame)
{
    int count = 0;
    for (int i = 0; i < film->refreshes; i++)
        count += film->shown[i] == frame;
    return count;
}

/* 30 frames a second on a screen of 60: each twice, once it is known that the source keeps time. */
static void even_though_arrivals_jitter(void)
{
    struct film film = {.frame_ns = 33333333, .refresh_ns = 16666667, .arrival_ns = jittered, .frames = 300};
    int uneven = 0;
    play(&film);
    for (int frame = 60; frame < 290; frame++)
        uneven += refreshes_of(&film, frame) != 2;
    CHECK(uneven <= 4); /* the screen and the source drift against each other by 1 in 10^7 */
    CHECK(film.left_out == 0);
    CHECK(film.late == 0);
}

/* Three and two refreshes by turns: 24 on 60. */
static void pulldown(void)
{
    struct film film = {.frame_ns = 41666667, .refresh_ns = 16666667, .arrival_ns = punctual, .frames = 240};
    play(&film);
    for (int frame = 60; frame < 230; frame++) {
        int here = refreshes_of(&film, frame);
        CHECK(here == 2 || here == 3);
    }
    CHECK(film.left_out == 0);
}

/* More frames than refreshes: the newest at each, the others left out, none twice. */
static void faster_than_the_screen(void)
{
    struct film film = {.frame_ns = 8333333, .refresh_ns = 16666667, .arrival_ns = punctual, .frames = 600};
    play(&film);
    for (int i = 100; i < film.refreshes - 1; i++)
        CHECK(film.shown[i + 1] > film.shown[i]);
}

/* A transcode: at each refresh the newest that has come, whatever its pts. */
static void free_running(void)
{
    struct film film = {.frame_ns = 33333333, .refresh_ns = 16666667, .arrival_ns = ten_times_as_fast, .frames = 900};
    play(&film);
    for (int i = 30; i < film.refreshes - 1; i++) {
        int64_t now = START + i * film.refresh_ns;
        int newest = (int)((now - START) * 10 / film.frame_ns);
        CHECK(newest - film.shown[i] <= 1);
    }
    CHECK(film.late == 0);
}

static void slower_than_its_clock(void)
{
    struct film film = {.frame_ns = 33333333, .refresh_ns = 16666667, .arrival_ns = half_as_fast, .frames = 200};
    play(&film);
    CHECK(film.left_out == 0);
    CHECK(film.late == 0);
    for (int frame = 1; frame < 190; frame++)
        CHECK(refreshes_of(&film, frame) >= 3);
}

static void goes_on_after_a_silence(void)
{
    struct film film = {.frame_ns = 33333333, .refresh_ns = 16666667, .arrival_ns = interrupted, .frames = 100};
    play(&film);
    CHECK(film.left_out == 0);
    for (int frame = 60; frame < 90; frame++)
        CHECK(abs(refreshes_of(&film, frame) - 2) <= 1);
}

/* One that is far from due is not shown before its time, unless more wait than may. */
static void nothing_early_nothing_lost(void)
{
    struct fl_present present = {0};
    struct fl_present_frame frame = {0};
    for (int n = 0; n < 40; n++) {
        frame = (struct fl_present_frame){n * 40 * MS, 40 * MS, (uint64_t)(START + n * 40 * MS)};
        fl_present_arrived(&present, &frame);
    }
    CHECK(present.paced);
    struct fl_present_frame ahead[2] = {frame, frame};
    ahead[0].pts_ns += 200 * MS;
    ahead[1].pts_ns += 240 * MS;
    CHECK(fl_present_choose(&present, ahead, 1, MOST, frame.arrived_ns) == -1);
    CHECK(fl_present_next_ns(&present, ahead, 2) == fl_present_due_ns(&present, &ahead[0]));
    CHECK(fl_present_choose(&present, ahead, 2, MOST, frame.arrived_ns) == 0);
    CHECK(fl_present_choose(&present, ahead, 0, MOST, frame.arrived_ns) == -1);
}

static void late_is_told(void)
{
    struct fl_present present = {0};
    struct fl_present_frame frame = {FL_NO_PTS, 0, START};
    fl_present_arrived(&present, &frame);
    CHECK(fl_present_due_ns(&present, &frame) == START);
    CHECK(!fl_present_is_late(&present, &frame, START + 30 * MS, 16 * MS));
    CHECK(fl_present_is_late(&present, &frame, START + 40 * MS, 16 * MS));
}

int main(void)
{
    const struct check_case cases[] = {
        {"frames that arrive unevenly are shown evenly", even_though_arrivals_jitter},
        {"24 on 60 is three and two by turns", pulldown},
        {"of more frames than refreshes the newest is shown", faster_than_the_screen},
        {"a source that runs free is shown as it comes", free_running},
        {"a source slower than its own clock loses nothing", slower_than_its_clock},
        {"it goes on after a silence", goes_on_after_a_silence},
        {"nothing is shown early, nothing waits in vain", nothing_early_nothing_lost},
        {"what is late is told", late_is_told},
    };
    return CHECK_RUN(cases);
}
