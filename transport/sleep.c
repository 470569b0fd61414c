/* What one sleep waits for, and in which of two ways.
 *
 * By word: each peer's `bell`, and the private `kicks`, are futexes, and futex_waitv(2) waits for all of them; a ring is a store
 * and a wake, and nothing has to be read afterwards. By descriptor: ppoll(2) on the other ends of the bells. That is for kernels
 * before 5.16, for who has more lanes than the kernel takes words, and for who has a lane that is a pipe. Who sleeps says which it
 * is with the word by which it says that it sleeps, so each is rung as it listens, whatever the other side does itself.
 */
#include "internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FUTILE_RINGS_A_SECOND 1000 /* a bell that rings more often without movement is left to the timer */
#define FORGIVEN              8    /* of them, for each ring with movement: in honesty there is one, of what was taken before it */

/* One that is listened to. */
struct ear {
    struct fl_bell_watch *watch; /* NULL: the private bell */
    bool rang;
};

/* A lane that is attached while somebody sleeps stands in the next. */
struct fl_sleep {
    struct fl_sleep *older; /* outgrown; kept, for a thread may be asleep in it */
    unsigned capacity, count;
    bool by_word;
    struct ear *ears;
    struct pollfd *polls;      /* by descriptor */
    struct futex_waitv *words; /* by word: what each said before the bells were armed */
};

int fl_sleep_reserve(struct fl_context *context, unsigned ends)
{
    if (context->sleep && ends + 1 <= context->sleep->capacity)
        return 0;
    unsigned capacity = 2 * (ends + 1);
    struct fl_sleep *sleep = calloc(1, sizeof *sleep);
    if (sleep) {
        sleep->ears = calloc(capacity, sizeof *sleep->ears);
        sleep->polls = calloc(capacity, sizeof *sleep->polls);
        sleep->words = calloc(capacity, sizeof *sleep->words);
    }
    if (!sleep || !sleep->ears || !sleep->polls || !sleep->words) {
        fl_sleep_free(sleep);
        return -ENOMEM;
    }
    sleep->capacity = capacity;
    sleep->older = context->sleep;
    context->sleep = sleep;
    return 0;
}

void fl_sleep_free(struct fl_sleep *sleep)
{
    while (sleep) {
        struct fl_sleep *older = sleep->older;
        free(sleep->ears);
        free(sleep->polls);
        free(sleep->words);
        free(sleep);
        sleep = older;
    }
}

/* ---- by word ---- */

/* Where the call is known, a word that says something else is told apart before anybody sleeps. */
bool fl_sleep_knows_words(void)
{
    uint32_t word = 1;
    struct futex_waitv wait = {.uaddr = (uintptr_t)&word, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
    errno = 0;
    syscall(SYS_futex_waitv, &wait, 1, 0, NULL, CLOCK_MONOTONIC);
    return errno == EAGAIN;
}

static void add_word(struct fl_sleep *sleep, const void *word, uint64_t said, unsigned flags, struct fl_bell_watch *watch)
{
    sleep->words[sleep->count] = (struct futex_waitv){.val = (uint32_t)said, .uaddr = (uintptr_t)word, .flags = FUTEX_32 | flags};
    sleep->ears[sleep->count++] = (struct ear){watch, false};
}

/* Before the bells are armed: whoever rings because they are changes a word after it was read here. */
static void note_words(struct fl_context *context, struct fl_sleep *sleep)
{
    add_word(sleep, &context->kicks, context->kicks_heard, FUTEX_PRIVATE_FLAG, NULL);
    for (unsigned i = 0; i < context->lane_count; i++) {
        struct fl_lane *lane = context->lanes[i];
        if (!lane->bell_watch.muted && !lane->fault)
            add_word(sleep, &lane->rx.theirs->bell, fl_rx_bell(&lane->rx), 0, &lane->bell_watch);
    }
    for (unsigned i = 0; i < context->output_count; i++)
        for (unsigned l = 0; l < context->outputs[i]->lane_count; l++) {
            struct fl_output_lane *lane = context->outputs[i]->lanes[l];
            if (!lane->bell_watch.muted && !lane->fault)
                add_word(sleep, &lane->tx.theirs->bell, fl_tx_bell(&lane->tx), 0, &lane->bell_watch);
        }
}

static bool was_kicked(const struct fl_context *context)
{
    return atomic_load_explicit(&context->kicks, memory_order_relaxed) != context->kicks_heard;
}

static bool has_changed(const struct fl_context *context, const struct fl_sleep *sleep, unsigned i)
{
    const struct fl_bell_watch *watch = sleep->ears[i].watch;
    if (!watch)
        return was_kicked(context);
    return (uint32_t)(watch->rx ? fl_rx_bell(watch->rx) : fl_tx_bell(watch->tx)) != sleep->words[i].val;
}

static bool hear_words(struct fl_context *context, struct fl_sleep *sleep, struct timespec until)
{
    long woken = syscall(SYS_futex_waitv, sleep->words, sleep->count, 0, &until, CLOCK_MONOTONIC);
    if (woken >= 0) {
        sleep->ears[woken].rang = true;
        return true;
    }
    if (errno == ETIMEDOUT || errno == EINTR)
        return false;
    if (errno != EAGAIN) { /* it cannot be done any more: the next sleep is by descriptor, after a look at everything */
        context->by_fd_only = true;
        return false;
    }
    for (unsigned i = 0; i < sleep->count; i++)
        sleep->ears[i].rang = has_changed(context, sleep, i);
    return true;
}

/* ---- by descriptor ---- */

static void add_fd(struct fl_sleep *sleep, int fd, short events, struct fl_bell_watch *watch)
{
    if (fd < 0)
        return;
    sleep->polls[sleep->count] = (struct pollfd){fd, events, 0};
    sleep->ears[sleep->count++] = (struct ear){watch, false};
}

static void add_output(struct fl_sleep *sleep, struct fl_output *output)
{
    for (unsigned i = 0; i < output->lane_count; i++) {
        struct fl_output_lane *lane = output->lanes[i];
        if (!lane->pipe)
            add_fd(sleep, lane->bell_watch.muted || lane->fault ? -1 : lane->fds.bell_in, POLLIN, &lane->bell_watch);
        else if (!fl_pipe_writer_idle(lane->pipe) && !lane->stopped)
            add_fd(sleep, lane->fds.announce, POLLOUT, &lane->bell_watch);
    }
}

/* What pipes wait for is known when all have been looked at. */
static void gather_fds(struct fl_context *context, struct fl_sleep *sleep)
{
    add_fd(sleep, context->kick_fd, POLLIN, NULL);
    for (unsigned i = 0; i < context->lane_count; i++) {
        struct fl_lane *lane = context->lanes[i];
        if (!lane->pipe)
            add_fd(sleep, lane->bell_watch.muted || lane->fault ? -1 : lane->fds.bell_in, POLLIN, &lane->bell_watch);
        else if (fl_pipe_reader_wants(lane))
            add_fd(sleep, lane->fds.announce, POLLIN, &lane->bell_watch);
    }
    for (unsigned i = 0; i < context->output_count; i++)
        add_output(sleep, context->outputs[i]);
}

/* Every bell that rang is read; pipes are read by their lanes. */
static bool hear_fds(const struct fl_context *context, struct fl_sleep *sleep, struct timespec limit)
{
    if (was_kicked(context)) /* while nobody slept: no descriptor has rung for it */
        limit = (struct timespec){0, 0};
    if (ppoll(sleep->polls, sleep->count, &limit, NULL) <= 0)
        return false;
    for (unsigned i = 0; i < sleep->count; i++) {
        struct ear *ear = &sleep->ears[i];
        ear->rang = sleep->polls[i].revents != 0;
        if (ear->rang && (!ear->watch || ear->watch->rx || ear->watch->tx))
            fl_bell_drain(sleep->polls[i].fd);
    }
    return true;
}

/* ---- one sleep ---- */

/* D0 of core.h for every lane at once: one fence, then the caller looks at everything again. */
static void arm(struct fl_context *context, bool by_word)
{
    for (unsigned i = 0; i < context->lane_count; i++)
        if (!context->lanes[i]->pipe)
            fl_rx_arm(&context->lanes[i]->rx, by_word);
    for (unsigned i = 0; i < context->output_count; i++)
        for (unsigned l = 0; l < context->outputs[i]->lane_count; l++)
            if (!context->outputs[i]->lanes[l]->pipe)
                fl_tx_arm(&context->outputs[i]->lanes[l]->tx, by_word);
    fl_doorbell_fence();
}

struct fl_sleep *fl_sleep_arm(struct fl_context *context)
{
    struct fl_sleep *sleep = context->sleep;
    sleep->count = 0;
    sleep->by_word = !context->by_fd_only && fl_context_ends(context) < FUTEX_WAITV_MAX;
    /* Before the fence in arm; the look at `released`, and at what a kick is about, comes after it. */
    atomic_store_explicit(&context->asleep, sleep->by_word ? FL_ASLEEP_BY_WORD : FL_ASLEEP_BY_FD, memory_order_relaxed);
    if (sleep->by_word)
        note_words(context, sleep);
    arm(context, sleep->by_word);
    return sleep;
}

void fl_sleep_gather(struct fl_context *context, struct fl_sleep *sleep)
{
    if (!sleep->by_word)
        gather_fds(context, sleep);
}

static struct timespec as_timespec(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull)};
}

/* The deadline, or the time for a look around, which is not so exact that the precise clock need be asked. */
static struct timespec until_when(uint64_t deadline_ns)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    uint64_t look_ns = (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec + FL_PEER_CHECK_NS;
    return as_timespec(deadline_ns < look_ns ? deadline_ns : look_ns); /* it may be over: then nobody sleeps */
}

static struct timespec how_long(uint64_t deadline_ns)
{
    uint64_t limit_ns = FL_PEER_CHECK_NS;
    if (deadline_ns != UINT64_MAX) {
        uint64_t now = fl_now_ns(), left_ns = deadline_ns > now ? deadline_ns - now : 0;
        limit_ns = left_ns < limit_ns ? left_ns : limit_ns;
    }
    return as_timespec(limit_ns);
}

bool fl_sleep_until(struct fl_context *context, struct fl_sleep *sleep, uint64_t deadline_ns)
{
    bool rang =
        sleep->by_word ? hear_words(context, sleep, until_when(deadline_ns)) : hear_fds(context, sleep, how_long(deadline_ns));
    atomic_store_explicit(&context->asleep, FL_AWAKE, memory_order_relaxed);
    context->kicks_heard = atomic_load_explicit(&context->kicks, memory_order_acquire);
    return rang;
}

/* ---- bells that ring for nothing ---- */

/* What the other end has done so far. Only compared: any change is movement. */
static uint64_t movement(const struct fl_bell_watch *watch)
{
    if (watch->rx)
        return fl_load(&watch->rx->theirs->head, FL_RELAXED) + fl_load(&watch->rx->theirs->closed, FL_RELAXED) +
               fl_load(&watch->rx->theirs->through_seq, FL_RELAXED);
    return fl_load(&watch->tx->theirs->returned, FL_RELAXED) + fl_load(&watch->tx->theirs->gone, FL_RELAXED);
}

/* Who has taken something since the bell rang last need not look at the peer's lines, which would come from another core. */
static bool has_moved(struct fl_bell_watch *watch)
{
    uint64_t taken = watch->rx ? watch->rx->tail : watch->tx->returned;
    if (taken != watch->taken) {
        watch->taken = taken;
        return true;
    }
    uint64_t moved = movement(watch);
    if (moved == watch->seen)
        return false;
    watch->seen = moved;
    return true;
}

/* A bell that rings without anything having moved, or with so little that it makes no odds, costs its owner's peer CPU and nobody
 * else: it is left to the timer. */
static void judge_bell(struct fl_bell_watch *watch)
{
    if (has_moved(watch)) {
        watch->futile -= watch->futile < FORGIVEN ? watch->futile : FORGIVEN;
        return;
    }
    uint64_t now = fl_now_ns();
    if (watch->futile++ == 0)
        watch->futile_since_ns = now;
    if (watch->futile > FUTILE_RINGS_A_SECOND) {
        watch->muted = now - watch->futile_since_ns < 1000000000ull;
        watch->futile = 0;
    }
}

void fl_sleep_judge(struct fl_sleep *sleep)
{
    for (unsigned i = 0; i < sleep->count; i++) {
        struct fl_bell_watch *watch = sleep->ears[i].watch;
        if (!sleep->ears[i].rang || !watch)
            continue;
        (*watch->wakeups)++;
        if (watch->rx || watch->tx)
            judge_bell(watch);
    }
}
