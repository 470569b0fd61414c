/* A stage that hangs, told from those that wait for it.
 *
 *   source -> filter -> sink
 *
 * protocol.md: "Stalls". Only the supervisor acts, on what it reads: each stage shows whether it waits for credit, and the rings say
 * whether there is any. C: live.c follows the same words to name the slowest; acting on them has its place in the supervisor, not in
 * the code yet.
 *
 * Any stage may hang at any point, also while it waits. Who does not hang goes on some time; so a clock can only run out for a stage
 * that hangs, or that can do nothing.
 *
 * run one hangs: -DFRAMES=3
 * long one hangs, more: -DFRAMES=12
 *
 * mutant CLOCK_ALWAYS_RUNS (one hangs): a lane's clock runs while its consumer waits for credit itself
 * mutant CLOCK_RUNS_AT_RESTART (one hangs): and while its consumer is being restarted
 * mutant WAITING_IS_BELIEVED (one hangs): a stage that shows that it waits is believed, though its lane below has credit
 * mutant STAGES_ACT (one hangs): a stage acts on its consumer when it has waited for long
 */
#define CREDITS 1

byte outstanding[2]; /* lane 0 source to filter, lane 1 filter to sink */
bool hangs[3], waits[3], restarts[3];
byte made, done;

#define has_credit(l) (outstanding[l] < CREDITS)
#define can_work(s) (!hangs[s] && !restarts[s])

active proctype source()
{
    do
    :: atomic { can_work(0) && made < FRAMES && has_credit(0) -> waits[0] = false; outstanding[0]++; made++ }
    :: atomic { can_work(0) && made < FRAMES && !has_credit(0) && !waits[0] -> waits[0] = true }
    :: made == FRAMES -> break
    od
}

active proctype filter()
{
end_filter:
    do
    :: atomic { can_work(1) && outstanding[0] > 0 && has_credit(1) -> waits[1] = false; outstanding[1]++; outstanding[0]-- }
    :: atomic { can_work(1) && outstanding[0] > 0 && !has_credit(1) && !waits[1] -> waits[1] = true }
    od
}

active proctype sink()
{
end_sink:
    do
    :: atomic { can_work(2) && outstanding[1] > 0 -> outstanding[1]--; done++ }
    od
}

active proctype kernel()
{
end_kernel:
    made > 0;
    if
    :: hangs[1] = true
    :: hangs[2] = true
    fi
}

/* As the supervisor sees it. */
#define is_full(l) (outstanding[l] == CREDITS)
#define cannot_move(s) (hangs[s] || restarts[s] || ((s) == 1 && is_full(1) && waits[1]))
#if defined(CLOCK_ALWAYS_RUNS) || defined(STAGES_ACT)
#define excused(s) restarts[s]
#elif defined(CLOCK_RUNS_AT_RESTART)
#define excused(s) ((s) == 1 && waits[1] && is_full(1))
#elif defined(WAITING_IS_BELIEVED)
#define excused(s) (((s) == 1 && waits[1]) || restarts[s])
#else
#define excused(s) (((s) == 1 && waits[1] && is_full(1)) || restarts[s])
#endif

inline act(s)
{
    assert(hangs[s]); /* nobody is killed who only waits for somebody else */
    hangs[s] = false;
    waits[s] = false;
    restarts[s] = true
}

active proctype supervisor()
{
end_supervisor:
    do
    :: atomic { is_full(0) && cannot_move(1) && !excused(1) -> act(1) }
    :: atomic { is_full(1) && cannot_move(2) && !excused(2) -> act(2) }
    :: atomic { restarts[1] -> restarts[1] = false }
    :: atomic { restarts[2] -> restarts[2] = false }
    od
}

active proctype rest()
{
end_rest:
    timeout;
    assert(done == FRAMES || (!is_full(0) && !is_full(1))) /* what nobody moves any more is acted on */
}
