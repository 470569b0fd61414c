/* Doorbells: armed, rung, batches, on a machine with store buffers (TSO, as x86 has it). No wake-up is lost, none is for nothing.
 *
 * protocol.md: "Doorbells". C: fl_tx_arm, fl_tx_must_ring, fl_rx_arm, fl_rx_must_ring, fl_doorbell_fence in core.h; sleep_once_and_unlock
 * in wait.c; arm and note_words in sleep.c; ring, and the flush of a batch, in output-lane.c and lane.c.
 *
 * The producer announces, says through, may keep announcements and looks within a batch, waits for credit, or goes off to wait for
 * something else for ever (`dry`); at the end it closes. The consumer takes, keeps HOLD frames, and sleeps when there is nothing.
 * When nothing moves any more, nobody may be asleep who has something to do.
 *
 * run wake-ups: -DFRAMES=3 -DTSO
 * run nobody spins: -DFRAMES=2 -DCREDITS=1 -DHOLD=0 -DTSO progress
 * run wake-ups by word: -DFRAMES=3 -DTSO -DBY_WORD
 * run nobody spins by word: -DFRAMES=2 -DCREDITS=1 -DHOLD=0 -DTSO -DBY_WORD progress
 * long wake-ups: -DFRAMES=5 -DTSO
 * long wake-ups, more credits: -DFRAMES=5 -DTSO -DCREDITS=3
 *
 * mutant NO_FENCE_CONSUMER_ARM (wake-ups): the consumer arms and looks without a full fence between
 * mutant NO_FENCE_CONSUMER_RING (wake-ups): the consumer returns and looks at armed without a full fence between
 * mutant NO_FENCE_PRODUCER_ARM (wake-ups): the producer arms and looks without a full fence between
 * mutant NO_FENCE_PRODUCER_RING (wake-ups): the producer publishes and looks at armed without a full fence between
 * mutant STORE_FENCE_ONLY (wake-ups): a store fence everywhere a store-load fence is needed
 * mutant LOOK_BEFORE_ARM (wake-ups): the waiter looks, then arms, then sleeps
 * mutant LOOK_BEFORE_PUBLISH (wake-ups): the other side looks at armed before it publishes
 * mutant RING_ONCE_FLAG (wake-ups): armed is a flag, not a count
 * mutant RING_EVERY_TIME (wake-ups): nobody remembers how far the other has been rung
 * mutant NO_LOOK_AFTER_CLOSED (wake-ups): the look after closed is skipped as within a batch
 * mutant BATCH_SKIPS_LOOK_BEFORE_WAIT (wake-ups): the producer skips its look before it waits itself
 * mutant RETURNS_SKIP_LOOK_BEFORE_WAIT (wake-ups): the consumer skips its look before it waits itself
 * mutant RETURNS_KEPT_BEFORE_WAIT (wake-ups): the consumer waits with returns that it has not shown
 * mutant BATCH_KEPT_BEFORE_WAIT (wake-ups): the producer waits with announcements that it has not shown
 * mutant ARMED_IGNORES_CLOSED (wake-ups): the armed consumer does not test closed again
 * mutant ARMED_IGNORES_THROUGH (wake-ups): the armed consumer does not test through again
 * mutant ARMED_IGNORES_RETURNS (wake-ups): the armed producer does not test returns again
 * mutant DRAIN_AFTER_LOOK (wake-ups): the bell is read between the look and the sleep
 * mutant BELL_NEVER_READ (wake-ups): a level-triggered bell is left as it is
 * mutant NOTED_AFTER_LOOK (wake-ups by word): who sleeps by word reads it after the look
 * mutant WORD_STAYS (wake-ups by word): the word is not changed, only woken
 * mutant NO_FENCE_BY_WORD (wake-ups by word): the consumer that sleeps by word arms and looks without a full fence between
 * mutant DOORBELL_CARRIES_HEAD (wake-ups): the bell is rung with the head and believed: eventfds add up
 */
#ifndef CREDITS
#define CREDITS 2
#endif
#ifndef HOLD
#define HOLD 1
#endif
#define ENTRY_WORDS 0
#define BUFFER_DEPTH 2

#include "core.pml"

/* By descriptor a bell says that it has rung until it is read; by word (-DBY_WORD) it is a count, and who sleeps waits until it is
 * another than was noted. Its store is seen when the ringer calls the kernel, which is not before the look at `armed`. */
byte bell_consumer, bell_producer;
#ifdef BY_WORD
#define note(bell) noted = bell
#define hears(bell) (bell != noted)
#define drain(bell) skip
#else
#define note(bell) skip
#define hears(bell) (bell != 0)
#define drain(bell) bell = 0
#endif
#ifdef NOTED_AFTER_LOOK
#define note_before(bell) skip
#define note_after(bell) note(bell)
#else
#define note_before(bell) note(bell)
#define note_after(bell) skip
#endif

/* what only the model sees */
byte announced, said; /* frames and throughs the producer has flushed or stands by */
byte taken, heard;
byte consumer_sleeps, producer_sleeps, consumer_rings, producer_rings; /* consumer_rings: at the consumer */
bool producer_done, consumer_done, dry;

#if defined(NO_FENCE_CONSUMER_ARM) || defined(NO_FENCE_BY_WORD) || defined(STORE_FENCE_ONLY)
#define fence_consumer_arm() fl_fence_release()
#else
#define fence_consumer_arm() fl_fence_full()
#endif
#if defined(NO_FENCE_CONSUMER_RING) || defined(STORE_FENCE_ONLY)
#define fence_consumer_ring() fl_fence_release()
#else
#define fence_consumer_ring() fl_fence_full()
#endif
#if defined(NO_FENCE_PRODUCER_ARM) || defined(STORE_FENCE_ONLY)
#define fence_producer_arm() fl_fence_release()
#else
#define fence_producer_arm() fl_fence_full()
#endif
#if defined(NO_FENCE_PRODUCER_RING) || defined(STORE_FENCE_ONLY)
#define fence_producer_ring() fl_fence_release()
#else
#define fence_producer_ring() fl_fence_full()
#endif

/* fl_tx_must_ring, fl_rx_must_ring, and the bell: one read of the other's armed. */
#if defined(RING_EVERY_TIME)
#define must_ring(end, armed) (armed != 0)
#else
#define must_ring(end, armed) (armed != end.rung)
#endif
inline look_at_armed(end, word, bell, rings, known)
{
    armed = fl_load(word);
    if
    :: must_ring(end, armed) ->
        end.rung = armed;
#ifdef RING_ONCE_FLAG
        if
        :: armed != 0 -> atomic { bell++; rings++ }
        :: else
        fi;
#elif defined(DOORBELL_CARRIES_HEAD)
        atomic { bell = bell + known; rings++ };
#elif defined(WORD_STAYS)
        rings++;
#elif defined(BY_WORD)
        atomic { bell++; rings++ };
#else
        atomic { bell = 1; rings++ };
#endif
    :: else
    fi;
    assert(rings <= armed); /* one bell for one sleep: a busy lane makes no system call */
    armed = 0
}

/* ---- the producer ---- */

inline note_ring_producer()
{
    fence_producer_ring();
    look_at_armed(tx, RETURN_ARMED(0), bell_consumer, consumer_rings, tx.head)
}

/* Shows what was pushed and looks; within a batch the look, or both, may be left for later. */
inline flush()
{
#ifdef LOOK_BEFORE_PUBLISH
    note_ring_producer();
    fl_tx_commit(tx, 0)
#else
    fl_tx_commit(tx, 0);
    note_ring_producer()
#endif
}

inline flush_before_wait()
{
#ifdef BATCH_KEPT_BEFORE_WAIT
    skip
#elif defined(BATCH_SKIPS_LOOK_BEFORE_WAIT)
    fl_tx_commit(tx, 0)
#else
    flush()
#endif
}

/* "Test again everything it would act on": a credit. */
inline collect()
{
    tx.returned = fl_load(RETURN_RETURNED(0))
}
#define has_credit (tx.head - tx.returned < CREDITS)

inline producer_arm()
{
#ifdef RING_ONCE_FLAG
    fl_store(ANNOUNCE_ARMED(0), 1, RELAXED);
#else
    fl_tx_arm(tx, 0);
#endif
    fence_producer_arm()
}

inline producer_sleep()
{
    note_before(bell_producer);
#ifdef LOOK_BEFORE_ARM
    collect();
    producer_arm();
#elif defined(ARMED_IGNORES_RETURNS)
    producer_arm();
#else
    producer_arm();
    collect();
#endif
#ifdef DRAIN_AFTER_LOOK
    bell_producer = 0;
#endif
    note_after(bell_producer);
    if
    :: has_credit
    :: else ->
end_producer:
        hears(bell_producer); /* poll */
        producer_sleeps++;
        assert(producer_sleeps <= producer_rings); /* a bell that was rung wakes once */
#ifndef BELL_NEVER_READ
        drain(bell_producer)
#endif
    fi;
#ifdef RING_ONCE_FLAG
    fl_store(ANNOUNCE_ARMED(0), 0, RELAXED)
#endif
}

inline wait_for_credit()
{
    do
    :: has_credit -> break
    :: else ->
        collect();
        if
        :: has_credit
        :: else -> producer_sleep()
        fi
    od
}

active proctype producer()
{
    fl_tx tx;
    byte me = 0, frame, armed, through, noted;

    do
    :: frame < FRAMES ->
        if
        :: has_credit
        :: else ->
            flush_before_wait();
            wait_for_credit()
        fi;
        frame++;
        if
        :: true; fl_tx_push(tx, 0); announced++
        :: through++; said++; fl_store(THROUGH_NUMBER(0), through, RELEASE) /* a gap */
        fi;
        if
        :: true; flush()
        :: true; fl_tx_commit(tx, 0) /* the look is left for later */
        :: skip                      /* so is the commit */
        fi
    :: true; flush_before_wait(); dry = true; goto end_dry
    :: frame == FRAMES ->
        fl_tx_commit(tx, 0);
        fl_tx_close(tx, 0);
#ifndef NO_LOOK_AFTER_CLOSED
        note_ring_producer();
#endif
        break
    od;
    producer_done = true;
end_dry:
    false
}

/* ---- the consumer ---- */

inline note_ring_consumer()
{
    fence_consumer_ring();
    look_at_armed(rx, ANNOUNCE_ARMED(0), bell_producer, producer_rings, rx.returned)
}

/* Everything it would act on: closed and through first, then the next place. */
inline look_at_everything()
{
    closed = fl_load(ANNOUNCE_CLOSED(0));
    through = fl_load(THROUGH_NUMBER(0));
    there = is_there(0, rx.tail)
}
#define something_new (there || closed_counts || through_counts)
#ifdef ARMED_IGNORES_CLOSED
#define closed_counts false
#else
#define closed_counts (closed != 0)
#endif
#ifdef ARMED_IGNORES_THROUGH
#define through_counts false
#else
#define through_counts (through != heard)
#endif

inline consumer_arm()
{
#ifdef RING_ONCE_FLAG
    fl_store(RETURN_ARMED(0), 1, RELAXED);
#else
    fl_rx_arm(rx, 0);
#endif
    fence_consumer_arm()
}

inline consumer_sleep()
{
    note_before(bell_consumer);
#ifdef LOOK_BEFORE_ARM
    look_at_everything();
    consumer_arm();
#else
    consumer_arm();
    look_at_everything();
#endif
#ifdef DRAIN_AFTER_LOOK
    bell_consumer = 0;
#endif
    note_after(bell_consumer);
    if
    :: something_new
    :: else ->
end_consumer:
        hears(bell_consumer); /* poll */
        consumer_sleeps++;
        assert(consumer_sleeps <= consumer_rings); /* a bell that was rung wakes once */
#ifdef DOORBELL_CARRIES_HEAD
        assert(bell_consumer <= announced); /* what a bell says is so */
#endif
#ifndef BELL_NEVER_READ
        drain(bell_consumer)
#endif
    fi;
#ifdef RING_ONCE_FLAG
    fl_store(RETURN_ARMED(0), 0, RELAXED)
#endif
}

inline show_returns()
{
    if
    :: committed != rx.returned ->
        fl_rx_commit(rx, 0);
        committed = rx.returned
    :: else
    fi
}

/* Keeps HOLD frames; within a batch the look, or both, may be left for later, for the next one or the sleep. */
inline release_one()
{
    fl_rx_give_back(rx, 0, rx.returned);
    if
    :: true; show_returns(); note_ring_consumer()
    :: true; show_returns()
    :: skip
    fi
}

active proctype consumer()
{
    fl_rx rx;
    byte me = 1, armed, closed, through, there, committed, noted;

    do
    :: look_at_everything();
        if
        :: through != heard -> heard = through
        :: else
        fi;
        if
        :: there ->
            rx.tail++;
            taken++;
            if
            :: rx.tail - rx.returned > HOLD -> release_one()
            :: else
            fi
        :: !there && closed != 0 -> break
        :: !there && closed == 0 ->
#ifndef RETURNS_KEPT_BEFORE_WAIT
            show_returns();
#endif
#ifndef RETURNS_SKIP_LOOK_BEFORE_WAIT
            note_ring_consumer();
#endif
            consumer_sleep()
        fi
    od;
    consumer_done = true;
end_done:
    false
}

/* When nothing can move any more. */
active proctype rest()
{
end_rest:
    timeout;
    assert(producer_done || dry);            /* nobody waits for a credit that has come back */
    assert(consumer_done || dry);            /* nobody waits for an end that has come */
    assert(taken == announced);              /* nobody sleeps on an announcement */
    assert(heard == said);                   /* nobody sleeps on a through */
end_all:
    false
}

init
{
    atomic { run memory(0); run memory(1) }
}
