#include "bare.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void bare_bell_init(struct bare_bell *bell, const char *how)
{
    *bell = (struct bare_bell){.armed = micro_shared(sizeof(struct bare_word)), .epoll = strcmp(how, "epoll") == 0};
    if (strcmp(how, "word") == 0) {
        bell->word = micro_shared(sizeof *bell->word);
        bell->heard = mremap(bell->word, 0, sizeof *bell->word, MREMAP_MAYMOVE); /* another mapping of the same memory */
        if (bell->heard == MAP_FAILED || mprotect((void *)bell->heard, sizeof *bell->word, PROT_READ) < 0)
            micro_fail("mremap: %s", strerror(errno));
        return;
    }
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
    if (!bare_must_ring(bell))
        return;
    if (!bell->word) {
        micro_call(write(bell->ring, &one, sizeof one));
        return;
    }
    bare_store(bell->word, atomic_load_explicit(&bell->word->value, memory_order_relaxed) + 1);
    micro_call(syscall(SYS_futex, bell->word, FUTEX_WAKE, 1, NULL, NULL, 0));
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

static void sleep_on_word(struct bare_bell *bell, uint64_t said)
{
    static uint32_t kicks;
    struct futex_waitv words[] = {{.uaddr = (uintptr_t)&kicks, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
                                  {.val = (uint32_t)said, .uaddr = (uintptr_t)bell->heard, .flags = FUTEX_32}};
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &until);
    until.tv_sec++;
    if (syscall(SYS_futex_waitv, words, 2, 0, &until, CLOCK_MONOTONIC) < 0 && errno != EAGAIN && errno != ETIMEDOUT)
        micro_fail("futex_waitv: %s", strerror(errno));
}

static void sleep_on_descriptor(struct bare_bell *bell)
{
    struct pollfd polls[] = {{bell->kick, POLLIN, 0}, {bell->hear, POLLIN, 0}};
    struct timespec limit = {0, 100000000};
    if (ppoll(polls, 2, &limit, NULL) > 0 && polls[1].revents)
        drain(bell);
}

uint64_t bare_await(struct bare_bell *bell, const struct bare_word *word, uint64_t seen)
{
    uint64_t value;
    while ((value = bare_load(word)) == seen) {
        uint64_t said = bell->word ? bare_load(bell->heard) : 0;
        atomic_store_explicit(&bell->armed->value, ++bell->raised, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst); /* the flag, ahead of the look */
        if ((value = bare_load(word)) != seen)
            break;
        bell->sleeps++;
        if (bell->word)
            sleep_on_word(bell, said);
        else
            sleep_on_descriptor(bell);
    }
    return value;
}
