/* Every shared byte, by writer. Nothing else in the project knows where a word lies.
 *
 *   region     writer     readers                      holds
 *   pool       producer   all its frames can reach     version table, payloads
 *   announce   producer   that consumer, supervisor    head, armed, bell, closed, through, entries and their counts
 *   return     consumer   producer, supervisor         returned, gone, armed, bell, taken, working_on, entries
 *   latest     producer   any observer                 seq, one entry
 *   events     a context  any reader                   head, entries
 *
 * Regions of different writers are different memfds, so no cache line has two writers. Within a region, words that change at
 * different rates stand on lines of their own. All indices are 64-bit counts, masked only at the moment of use.
 */
#ifndef FL_LAYOUT_H
#define FL_LAYOUT_H

#include <framelane/frame.h>

#include "atomic.h"

#define FL_LINE           64u
#define FL_ENTRY_WORDS    32u
#define FL_ANNOUNCE_MAGIC 0x314e4e41464c0003ull
#define FL_RETURN_MAGIC   0x31544552464c0002ull
#define FL_LATEST_MAGIC   0x314e544c464c0001ull
#define FL_EVENTS_MAGIC   0x31545645464c0001ull
#define FL_EVENT_WORDS    8u /* struct fl_event */
#define FL_ARMED_BY_WORD  1u /* the lowest bit of `armed`: it sleeps on the other's word `bell`, and not on a descriptor */

/* What an entry of a ring says of the frame's description. */
enum fl_entry_type {
    FL_ENTRY_WHOLE = 0,     /* all of it: struct fl_entry */
    FL_ENTRY_AS_BEFORE = 1, /* that of the announcement before, but for the words of struct fl_short_entry: one cache line */
};

/* One announcement as private memory sees it. In a ring `spare` is left out, and the count of the announcement stands as word
 * FL_COUNT_WORD, between the words of a short entry and the others. */
struct fl_entry {
    uint32_t pool;
    uint32_t type; /* in a ring enum fl_entry_type, in a pipe enum fl_pipe_type */
    uint64_t offset;
    uint64_t version;
    struct fl_desc desc;
    uint64_t spare;
};

#define FL_SHORT_ENTRY_WORDS 7u
#define FL_ORIGIN_WORD       30u /* of struct fl_entry: the one word of a short entry that stands elsewhere in a whole one */
#define FL_COUNT_WORD        7u  /* of an entry: the count of its announcement, from 1, which says that it is there */
struct fl_short_entry {
    uint32_t pool;
    uint32_t type;
    uint64_t offset;
    uint64_t version;
    uint64_t number;
    uint32_t epoch;
    uint32_t part;
    int64_t pts;
    uint64_t origin_ns;
};

struct fl_announce_region {
    fl_word magic, lane, epoch, places; /* for who looks in from outside; no end trusts them */
    uint64_t pad0[4];
    fl_word head; /* announcements made and shown; for who looks on: no end of the lane reads it to take or return a frame */
    uint64_t pad1[7];
    fl_word armed; /* rises before the producer sleeps, and says how: FL_ARMED_BY_WORD */
    fl_word bell;  /* rises when it rings a consumer that sleeps by it: the low half is a futex */
    uint64_t pad2[6];
    fl_word closed;      /* 0 open, else final head + 1 */
    fl_word through_seq; /* odd while the four below change */
    fl_word through_epoch, through_number, through_pts, through_time_base;
    uint64_t pad3[2];
    fl_word entries[]; /* places * FL_ENTRY_WORDS */
};

struct fl_return_region {
    fl_word magic, lane, epoch, places;
    uint64_t pad0[4];
    fl_word returned; /* returns made */
    fl_word gone;     /* 1: it will take nothing more; beside `returned` because the producer reads both */
    uint64_t pad1[6];
    fl_word armed; /* rises before the consumer sleeps, and says how */
    fl_word bell;  /* rises when it rings a producer that sleeps by it */
    uint64_t pad2[6];
    fl_word taken;      /* statistics only */
    fl_word working_on; /* index + 1 of the announcement in hand, 0: none */
    uint64_t pad3[6];
    fl_word entries[]; /* places: announcement indices */
};

/* The newest announcement of an output, for who looks without a lane. */
struct fl_latest_region {
    fl_word magic, output; /* for observers */
    uint64_t pad0[6];
    fl_word seq; /* odd while the entry changes */
    uint64_t pad1[7];
    fl_word entry[FL_ENTRY_WORDS];
};

/* A ring of events, which goes round whether they are read or not. */
struct fl_events_region {
    fl_word magic;
    uint64_t pad0[7];
    fl_word head; /* events written */
    uint64_t pad1[7];
    fl_word entries[]; /* a power of two * FL_EVENT_WORDS */
};

/* The version table at the start of a pool: a line a slot. */
struct fl_slot_version {
    fl_word version; /* odd while WRITING, even once PUBLISHED; only grows */
    uint64_t pad[7];
};

#ifndef FL_MODEL
#ifdef __cplusplus
#define FL_LAYOUT_ASSERT(what) static_assert(what, #what)
#else
#define FL_LAYOUT_ASSERT(what) _Static_assert(what, #what)
#endif
FL_LAYOUT_ASSERT(sizeof(struct fl_plane) == 16);
FL_LAYOUT_ASSERT(sizeof(struct fl_desc) == 224);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, pts) == 16);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, time_base_num) == 40);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, kind) == 48);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, width) == 56);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, format) == 64);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, sar_num) == 80);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, color_range) == 88);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, planes) == 96);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, display_matrix) == 160);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, side_offset) == 196);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, stream) == 204);
FL_LAYOUT_ASSERT(offsetof(struct fl_desc, origin_ns) == 216);
FL_LAYOUT_ASSERT(sizeof(struct fl_entry) == FL_ENTRY_WORDS * 8);
FL_LAYOUT_ASSERT(offsetof(struct fl_entry, desc) == 24);
FL_LAYOUT_ASSERT(sizeof(struct fl_short_entry) == FL_SHORT_ENTRY_WORDS * 8);
FL_LAYOUT_ASSERT(offsetof(struct fl_short_entry, version) == offsetof(struct fl_entry, version));
FL_LAYOUT_ASSERT(offsetof(struct fl_short_entry, number) == offsetof(struct fl_entry, desc.number));
FL_LAYOUT_ASSERT(offsetof(struct fl_short_entry, epoch) == offsetof(struct fl_entry, desc.epoch));
FL_LAYOUT_ASSERT(offsetof(struct fl_short_entry, part) == offsetof(struct fl_entry, desc.part));
FL_LAYOUT_ASSERT(offsetof(struct fl_short_entry, pts) == offsetof(struct fl_entry, desc.pts));
FL_LAYOUT_ASSERT(offsetof(struct fl_entry, desc.origin_ns) == FL_ORIGIN_WORD * 8);
FL_LAYOUT_ASSERT(offsetof(struct fl_announce_region, head) == 1 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_announce_region, armed) == 2 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_announce_region, bell) == 2 * FL_LINE + 8);
FL_LAYOUT_ASSERT(offsetof(struct fl_announce_region, closed) == 3 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_announce_region, entries) == 4 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_return_region, returned) == 1 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_return_region, gone) == 1 * FL_LINE + 8);
FL_LAYOUT_ASSERT(offsetof(struct fl_return_region, armed) == 2 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_return_region, bell) == 2 * FL_LINE + 8);
FL_LAYOUT_ASSERT(offsetof(struct fl_return_region, taken) == 3 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_return_region, entries) == 4 * FL_LINE);
FL_LAYOUT_ASSERT(sizeof(struct fl_slot_version) == FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_latest_region, seq) == 1 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_latest_region, entry) == 2 * FL_LINE);
FL_LAYOUT_ASSERT(sizeof(struct fl_latest_region) == 6 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_events_region, head) == 1 * FL_LINE);
FL_LAYOUT_ASSERT(offsetof(struct fl_events_region, entries) == 2 * FL_LINE);
#endif

#endif
