/* A histogram gives back what was put in: every value falls into a bucket that holds it, and quantiles are within 7 %. */
#include "histogram.h"
#include "check.h"

#include <stdbool.h>
#include <string.h>

static struct fl_histogram histogram;

/* Each bucket begins where the one before it ends, and every value is in the one that says it holds it. */
static void check_buckets(void)
{
    for (unsigned i = 0; i + 1 < FL_HISTOGRAM_BUCKETS; i++) {
        uint64_t floor = fl_histogram_floor_ns(i), end = fl_histogram_floor_ns(i + 1);
        CHECK(floor < end);
        CHECK(fl_histogram_bucket(floor) == i);
        CHECK(fl_histogram_bucket(end - 1) == i);
        CHECK(i < 8 || end - floor <= floor / 8);
    }
    CHECK(fl_histogram_bucket(0) == 0);
    CHECK(fl_histogram_bucket(60000000000ull) < FL_HISTOGRAM_BUCKETS - 1); /* a minute has a bucket of its own */
    CHECK(fl_histogram_bucket(UINT64_MAX) == FL_HISTOGRAM_BUCKETS - 1);
}

static bool is_near(uint64_t found, uint64_t wanted)
{
    return found > wanted - wanted * 7 / 100 && found < wanted + wanted * 7 / 100;
}

static void check_quantiles(void)
{
    struct fl_histogram_reading nothing = {{0}}, before, now;
    uint64_t count;
    CHECK(fl_histogram_quantile_ns(&nothing, NULL, 0.5, &count) == 0);
    CHECK(count == 0);
    for (uint64_t ms = 1; ms <= 1000; ms++)
        fl_histogram_add(&histogram, ms * 1000000, 1);
    fl_histogram_read(&histogram, &before);
    CHECK(is_near(fl_histogram_quantile_ns(&before, NULL, 0.5, &count), 500000000));
    CHECK(count == 1000);
    CHECK(is_near(fl_histogram_quantile_ns(&before, NULL, 0.99, NULL), 990000000));
    CHECK(fl_histogram_quantile_ns(&before, NULL, 1, NULL) >= fl_histogram_quantile_ns(&before, NULL, 0.99, NULL));

    /* What came before does not count in a difference, however much it was. */
    fl_histogram_add(&histogram, 3000000, 90);
    fl_histogram_add(&histogram, 40000000, 10);
    fl_histogram_read(&histogram, &now);
    CHECK(is_near(fl_histogram_quantile_ns(&now, &before, 0.5, &count), 3000000));
    CHECK(count == 100);
    CHECK(is_near(fl_histogram_quantile_ns(&now, &before, 0.99, NULL), 40000000));
}

/* A reading is 32 bits wide: a difference is right even where they have wrapped. */
static void check_wrap(void)
{
    struct fl_histogram_reading before, now;
    memset(&histogram, 0, sizeof histogram);
    fl_histogram_add(&histogram, 5000000, UINT32_MAX - 1);
    fl_histogram_read(&histogram, &before);
    fl_histogram_add(&histogram, 5000000, 7);
    fl_histogram_read(&histogram, &now);
    uint64_t count;
    CHECK(is_near(fl_histogram_quantile_ns(&now, &before, 0.5, &count), 5000000));
    CHECK(count == 7);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every value has a bucket that holds it", check_buckets},
        {"quantiles are those of what came between two readings", check_quantiles},
        {"counts may wrap", check_wrap},
    };
    return CHECK_RUN(cases);
}
