/* A context that was asked to records what its lanes do with each frame, in order and with nothing left out; a reader that comes
 * too late is told how many events it missed; and who was not asked records nothing. */
#include "check.h"
#include "stand.h"

#include <errno.h>
#include <framelane/events.h>
#include <unistd.h>

#define DROPS FL_EVENT_BIT(FL_EVENT_DROPPED)
#define ALL   (FL_EVENT_BIT(FL_EVENT_KINDS) - 1u)
#define MOST  256

struct record {
    void *own; /* the context's, once it records */
    uint64_t bytes;
    int fd;
    struct fl_events *reader;
    struct fl_event events[MOST];
    int count;
    uint64_t lost;
};

static void begin(struct record *record, struct fl_context *context, uint32_t kinds)
{
    *record = (struct record){.bytes = fl_events_bytes(1)};
    record->fd = fl_shm_mint("events", record->bytes);
    CHECK(record->fd >= 0);
    CHECK_EQ(fl_shm_map_writer(record->fd, record->bytes, &record->own), 0);
    CHECK_EQ(fl_shm_seal(record->fd, record->bytes), 0);
    CHECK_EQ(fl_events_open(record->fd, record->bytes, &record->reader), 0);
    CHECK_EQ(fl_context_record(context, record->own, record->bytes, kinds), 0);
}

static void end(struct record *record)
{
    fl_events_close(record->reader);
    close(record->fd);
}

/* Reads all there is, and checks that times never go back. */
static void read_all(struct record *record)
{
    record->count = fl_events_read(record->reader, record->events, MOST, &record->lost);
    CHECK(record->count >= 0);
    for (int i = 1; i < record->count; i++)
        CHECK(record->events[i].time_ns >= record->events[i - 1].time_ns);
}

static void expect(const struct record *record, int at, unsigned kind, unsigned what, uint64_t number)
{
    CHECK(at < record->count);
    CHECK_EQ(record->events[at].kind, kind);
    CHECK_EQ(record->events[at].what, what);
    CHECK_EQ(record->events[at].number, number);
    CHECK(record->events[at].lane != 0);
}

static void both_ends_tell_the_way_of_a_frame(uint32_t transport)
{
    struct stand stand;
    struct record from, to;
    stand_create(&stand, transport, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    begin(&from, stand.producer, ALL);
    begin(&to, lane->consumer, ALL);
    for (uint64_t number = 0; number < 10; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        CHECK_EQ(stand_next(lane), number);
        stand_settle(&stand, lane);
    }
    read_all(&from);
    read_all(&to);
    CHECK_EQ(from.count, 10);
    CHECK_EQ(to.count, 20);
    for (int i = 0; i < 10; i++) {
        expect(&from, i, FL_EVENT_SENT, 0, (uint64_t)i);
        expect(&to, 2 * i, FL_EVENT_TAKEN, 0, (uint64_t)i);
        expect(&to, 2 * i + 1, FL_EVENT_GIVEN_BACK, 0, (uint64_t)i);
        CHECK_EQ(from.events[i].index, to.events[2 * i].index);
        CHECK_EQ(from.events[i].index, to.events[2 * i + 1].index);
        CHECK(from.events[i].time_ns <= to.events[2 * i].time_ns);
    }
    CHECK_EQ(from.lost + to.lost, 0);
    end(&from);
    end(&to);
    stand_destroy(&stand);
}

static void over_shared_memory(void)
{
    both_ends_tell_the_way_of_a_frame(FL_TRANSPORT_SHM);
}

static void over_a_pipe(void)
{
    both_ends_tell_the_way_of_a_frame(FL_TRANSPORT_PIPE);
}

static void every_drop_is_there(void)
{
    struct stand stand;
    struct record record;
    stand_create(&stand, FL_TRANSPORT_SHM, 32, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_DROP, 2);
    begin(&record, stand.producer, DROPS);
    CHECK_EQ(stand_publish(&stand, 0), 0);
    struct fl_frame *held;
    CHECK_EQ(stand_take(lane, &held), 0);
    for (uint64_t number = 1; number < 10; number++)
        CHECK_EQ(stand_publish(&stand, number), 0);
    read_all(&record);
    CHECK_EQ(record.count, stand_sent(lane).dropped);
    for (int i = 0; i < record.count; i++) {
        expect(&record, i, FL_EVENT_DROPPED, FL_DROP_NO_CREDIT, (uint64_t)i + 2);
        CHECK_EQ(record.events[i].held, 1);
        CHECK_EQ(record.events[i].queued, 1);
    }
    fl_frame_release(held);
    end(&record);
    stand_destroy(&stand);
}

static void what_is_superseded_is_told_by_the_consumer(uint32_t transport)
{
    struct stand stand;
    struct record from, to;
    stand_create(&stand, transport, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_LATEST, 3);
    begin(&from, stand.producer, DROPS);
    begin(&to, lane->consumer, DROPS);
    for (uint64_t number = 0; number < 6; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        if (transport == FL_TRANSPORT_PIPE)
            fl_context_service(lane->consumer);
    }
    CHECK(stand_next(lane) >= 2);
    read_all(&from);
    read_all(&to);
    CHECK_EQ(from.count, stand_sent(lane).dropped);
    CHECK_EQ(to.count, stand_taken(lane).skipped);
    CHECK(to.count > 0);
    for (int i = 0; i < to.count; i++)
        expect(&to, i, FL_EVENT_DROPPED, FL_DROP_SUPERSEDED, (uint64_t)i);
    end(&from);
    end(&to);
    stand_destroy(&stand);
}

static void superseded_in_shared_memory(void)
{
    what_is_superseded_is_told_by_the_consumer(FL_TRANSPORT_SHM);
}

static void superseded_in_a_pipe(void)
{
    what_is_superseded_is_told_by_the_consumer(FL_TRANSPORT_PIPE);
}

/* What is outstanding when a producer ends: the oldest, and all of them. */
static void what_does_not_come_back_is_told(void)
{
    struct stand stand;
    struct record record;
    struct fl_outstanding oldest;
    struct fl_frame *held[3];
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, 4);
    CHECK(!fl_output_lane_oldest(lane->tx, &oldest));
    fl_output_lane_record_lost(lane->tx); /* nobody wants to know */
    begin(&record, stand.producer, DROPS);
    for (uint64_t number = 0; number < 3; number++) {
        CHECK_EQ(stand_publish(&stand, number + 7), 0);
        CHECK_EQ(stand_take(lane, &held[number]), 0);
    }
    CHECK(fl_output_lane_oldest(lane->tx, &oldest));
    CHECK_EQ(oldest.number, 7);
    fl_frame_release(held[0]);
    stand_settle(&stand, lane);
    CHECK(fl_output_lane_oldest(lane->tx, &oldest));
    CHECK_EQ(oldest.number, 8);
    CHECK_EQ(oldest.index, 1);
    fl_output_lane_record_lost(lane->tx);
    read_all(&record);
    CHECK_EQ(record.count, 2);
    expect(&record, 0, FL_EVENT_DROPPED, FL_DROP_LOST, 8);
    expect(&record, 1, FL_EVENT_DROPPED, FL_DROP_LOST, 9);
    fl_frame_release(held[1]);
    fl_frame_release(held[2]);
    end(&record);
    stand_destroy(&stand);
}

/* The ring goes round: what was overwritten is counted, what is left is in order and whole. */
static void who_is_late_is_told_how_much_is_missing(void)
{
    enum { WRITTEN = 1000 };
    struct fl_context *context;
    struct record record;
    CHECK_EQ(fl_context_create(&context), 0);
    begin(&record, context, ALL);
    for (uint64_t number = 0; number < WRITTEN; number++)
        fl_context_note(context, &(struct fl_event){.kind = FL_EVENT_WORK, .number = number, .index = number * 3});
    read_all(&record);
    CHECK(record.count > 0);
    CHECK_EQ(record.lost + (uint64_t)record.count, WRITTEN);
    for (int i = 0; i < record.count; i++) {
        CHECK_EQ(record.events[i].number, record.lost + (uint64_t)i);
        CHECK_EQ(record.events[i].index, record.events[i].number * 3);
    }
    read_all(&record);
    CHECK_EQ(record.count, 0);
    fl_context_destroy(context); /* the reader may read on */
    read_all(&record);
    CHECK_EQ(record.count, 0);
    end(&record);
}

static void each_ring_gets_what_it_asked_for(void)
{
    struct fl_context *context;
    struct record drops, all;
    CHECK_EQ(fl_context_create(&context), 0);
    fl_context_note(context, &(struct fl_event){.kind = FL_EVENT_WORK}); /* nobody records */
    begin(&drops, context, DROPS);
    begin(&all, context, ALL);
    CHECK_EQ(fl_context_record(context, drops.own, drops.bytes, ALL), -ENOSPC);
    CHECK_EQ(fl_context_record(context, drops.own, 64, ALL), -EINVAL);
    CHECK_EQ(fl_context_record(context, NULL, drops.bytes, ALL), -EINVAL);
    fl_context_note(context, &(struct fl_event){.kind = FL_EVENT_WORK});
    fl_context_note(context, &(struct fl_event){.kind = FL_EVENT_DROPPED});
    read_all(&drops);
    read_all(&all);
    CHECK_EQ(drops.count, 1);
    CHECK_EQ(all.count, 2);
    end(&drops);
    end(&all);
    fl_context_destroy(context);
}

/* A lane that comes to a context which records already is recorded from its first frame on. */
static void lanes_that_come_later_are_told_of_too(void)
{
    struct stand stand;
    struct record from, to;
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *first = stand_add(&stand, FL_WHEN_FULL_WAIT, 4), second = *first;
    begin(&from, stand.producer, ALL);
    begin(&to, first->consumer, ALL);
    wiring_lane(stand.output, first->consumer, &(struct fl_lane_info){.credits = 4}, &second.tx, &second.rx);
    CHECK_EQ(stand_publish(&stand, 5), 0);
    CHECK_EQ(stand_next(first), 5);
    CHECK_EQ(stand_next(&second), 5);
    stand_settle(&stand, first);
    read_all(&from);
    read_all(&to);
    CHECK_EQ(from.count, 2);
    CHECK_EQ(to.count, 4);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(to.events[i].number, 5);
    end(&from);
    end(&to);
    stand_destroy(&stand);
}

/* Places are used again: the oldest is the one that was announced first, wherever it stands. */
static void the_oldest_is_found_behind_younger_ones(void)
{
    enum { CREDITS = 4, PASSED = 3, HELD = 2 };
    struct stand stand;
    struct fl_outstanding oldest;
    struct fl_frame *held[HELD];
    stand_create(&stand, FL_TRANSPORT_SHM, 8, 4096);
    struct stand_lane *lane = stand_add(&stand, FL_WHEN_FULL_WAIT, CREDITS);
    for (uint64_t number = 0; number < PASSED + HELD; number++) {
        CHECK_EQ(stand_publish(&stand, number), 0);
        if (number < PASSED)
            CHECK_EQ(stand_next(lane), number);
        else
            CHECK_EQ(stand_take(lane, &held[number - PASSED]), 0);
        stand_settle(&stand, lane);
    }
    CHECK(fl_output_lane_oldest(lane->tx, &oldest));
    CHECK_EQ(oldest.number, PASSED);
    for (unsigned i = 0; i < HELD; i++)
        fl_frame_release(held[i]);
    stand_destroy(&stand);
}

static void only_sealed_memory_is_read(void)
{
    struct fl_events *reader;
    uint64_t bytes = fl_events_bytes(100);
    int fd = fl_shm_mint("events", bytes);
    CHECK(fd >= 0);
    CHECK_EQ(fl_events_open(fd, bytes, &reader), -EPERM);
    CHECK_EQ(fl_events_open(fd, 64, &reader), -EINVAL);
    fl_events_close(NULL);
    close(fd);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"both ends tell the way of a frame over shared memory", over_shared_memory},
        {"and over a pipe", over_a_pipe},
        {"every drop is there, with who held the credits", every_drop_is_there},
        {"what is superseded in shared memory", superseded_in_shared_memory},
        {"and in a pipe", superseded_in_a_pipe},
        {"what does not come back is told", what_does_not_come_back_is_told},
        {"who is late is told how much is missing", who_is_late_is_told_how_much_is_missing},
        {"each ring gets what it asked for", each_ring_gets_what_it_asked_for},
        {"lanes that come later are told of too", lanes_that_come_later_are_told_of_too},
        {"the oldest is found behind younger ones", the_oldest_is_found_behind_younger_ones},
        {"only sealed memory is read", only_sealed_memory_is_read},
    };
    return CHECK_RUN(cases);
}
