/* The main of every program here: runs its suites and prints a line of JSON for each. See README.md for the options.
 * An execution that fails is gone through once more, and all it did is told on standard error. */
#ifndef FL_MODEL_RUN_HPP
#define FL_MODEL_RUN_HPP

#include "scheduler.hpp"

#include "lane.hpp"

struct run_options {
    uint64_t iterations, first;
    double seconds;
    bool search, quiet;
};

struct suite_info {
    const char *name;
    unsigned preemptions; /* what a search through all executions may use; 0: too large to be searched */
    rl::test_result_e (*run)(rl::test_params &params, bool search);
};

template <typename suite> rl::test_result_e run_suite(rl::test_params &params, bool search)
{
    const rl::thread_id_t threads = suite::params::thread_count;
    rl::ostringstream state;
    params.search_type = search ? rl::sched_bound : rl::sched_random;
    rl::test_result_e result = search ? rl::run_test<suite, rl::context_bound_scheduler<threads>>(params, state, false)
                                      : rl::run_test<suite, habit_scheduler<threads>>(params, state, false);
    params.final_state = state.str(); /* a failed execution can be had again from this */
    return result;
}

inline void print_reached()
{
    const char *comma = "";
    printf("\"reached\": [");
    for (unsigned line = 0; line < model_orders::LINES; line++) {
        if (orders().reached[line])
            printf("%s%u", comma, line), comma = ", ";
    }
    printf("], \"fences\": [");
    comma = "";
    for (unsigned place = FENCE_PRODUCER_SLEEPS; place <= FENCE_CONSUMER_RINGS; place++) {
        if (fences().reached[place])
            printf("%s%u", comma, place), comma = ", ";
    }
    printf("]");
}

inline bool run_one(const suite_info &info, const run_options &options)
{
    rl::test_params params;
    std::ostringstream nowhere;
    double begun = now_seconds();
    this_run().census.clear();
    this_run().until = options.seconds > 0 ? begun + options.seconds : 0;
    params.iteration_count = options.first - 1 + options.iterations;
    params.context_bound = info.preemptions;
    params.execution_depth_limit = 20000;
    params.output_stream = params.progress_stream = &nowhere;
    params.initial_state = std::to_string(options.first).c_str();
    if (options.search)
        params.initial_state = "";
    rl::test_result_e result = info.run(params, options.search);
    uint64_t ran = params.stop_iteration - (options.search ? 0 : options.first - 1);
    printf("{\"suite\": \"%s\", \"result\": \"%s\", \"iterations\": %llu, \"distinct\": %llu, \"preemptions\": %d, \"seconds\": "
           "%.2f, ",
           info.name, rl::test_result_str(result), (unsigned long long)ran,
           (unsigned long long)(options.search ? ran : this_run().census.distinct()), options.search ? int(info.preemptions) : -1,
           now_seconds() - begun);
    print_reached();
    printf("}\n");
    fflush(stdout);
    if (result != rl::test_result_success && !options.quiet) {
        params.collect_history = true;
        params.output_stream = &std::cerr;
        params.initial_state = params.final_state;
        info.run(params, options.search);
    }
    return result == rl::test_result_success;
}

inline rl::memory_order order_named(const std::string &name)
{
    const rl::memory_order all[] = {rl::mo_relaxed, rl::mo_acquire, rl::mo_release, rl::mo_acq_rel, rl::mo_seq_cst};
    for (rl::memory_order order : all)
        if (name == rl::format(order))
            return order;
    fprintf(stderr, "no memory order is called '%s'\n", name.c_str());
    exit(2);
}

/* `what`: LINE=ORDER, or fence:PLACE=ORDER */
inline void weaken(const std::string &what)
{
    size_t equals = what.find('=');
    rl::memory_order order = order_named(equals == std::string::npos ? what : what.substr(equals + 1));
    if (what.compare(0, 6, "fence:") == 0) {
        fences().place = fence_place(atoi(what.c_str() + 6));
        fences().order = order;
    } else {
        orders().weak_line = unsigned(atoi(what.c_str()));
        orders().weaker = order;
    }
}

template <size_t COUNT> int run_main(int argc, char **argv, const suite_info (&suites)[COUNT])
{
    run_options options = {1000, 1, 0, false, false};
    std::vector<std::string> wanted;
    bool all_well = true;
    for (int i = 1; i < argc; i++) {
        std::string option = argv[i];
        if (option == "--iterations")
            options.iterations = strtoull(argv[++i], NULL, 10);
        else if (option == "--first")
            options.first = strtoull(argv[++i], NULL, 10);
        else if (option == "--seconds")
            options.seconds = atof(argv[++i]);
        else if (option == "--weaken")
            weaken(argv[++i]);
        else if (option == "--search")
            options.search = true;
        else if (option == "--quiet")
            options.quiet = true;
        else
            wanted.push_back(option);
    }
    for (const suite_info &suite : suites) {
        bool chosen = wanted.empty() || std::find(wanted.begin(), wanted.end(), suite.name) != wanted.end();
        memset(orders().reached, 0, sizeof orders().reached);
        memset(fences().reached, 0, sizeof fences().reached);
        if (chosen && !(options.search && suite.preemptions == 0))
            all_well &= run_one(suite, options);
    }
    return all_well ? 0 : 1;
}

#endif
