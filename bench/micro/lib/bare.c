#include "bare.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

void bare_bell_init(struct bare_bell *bell, const char *how)
{
    *bell = (struct bare_bell){.armed = micro_shared(sizeof(struct bare_word)), .epoll = strcmp(how, "epoll") == 0};
    bell->kick = (int)micro_call(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (strcmp(how, "pipe") == 0) {
        int ends[2];
        micro_call(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
        bell->hear = ends[0];
        bell->ring = ends[1];
        return;
    }
    bell->ring = (int)micro_call(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    bell->hear = bell->ring;
    if (bell->epoll) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET};
        bell->hear = (int)micro_call(epoll_create1(EPOLL_CLOEXEC));
        micro_call(epoll_ctl(bell->hear, EPOLL_CTL_ADD, bell->ring, &event));
    }
}

void bare_tell(struct bare_bell *bell)
{
    uint64_t one = 1;
    if (bare_must_ring(bell))
        micro_call(write(bell->ring, &one, sizeof one));
}

static void drain(struct bare_bell *bell)
{
    uint64_t count;
    struct epoll_event event;
    if (bell->epoll)
        micro_call(epoll_wait(bell->hear, &event, 1, 0));
    else
        micro_call(read(bell->hear, &count, sizeof count));
}

uint64_t bare_await(struct bare_bell *bell, const struct bare_word *word, uint64_t seen)
{
    uint64_t value;
    while ((value = bare_load(word)) == seen) {
        atomic_store_explicit(&bell->armed->value, ++bell->raised, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst); /* the flag, ahead of the look */
        if ((value = bare_load(word)) != seen)
            break;
        struct pollfd polls[] = {{bell->kick, POLLIN, 0}, {bell->hear, POLLIN, 0}};
        struct timespec limit = {0, 100000000};
        bell->sleeps++;
        if (ppoll(polls, 2, &limit, NULL) > 0 && polls[1].revents)
            drain(bell);
    }
    return value;
}
