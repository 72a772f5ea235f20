/* run/metrics.h: the controller's state as Prometheus text (exposition format 0.0.4). */
#pragma once

#include "base/text.h"
#include "run/pass.h"

/* Counters live as long as the process; gauges are of the last pass. */
struct metrics {
    uint64_t passes[2];      /* that failed, that succeeded */
    uint64_t requests[2][3]; /* by request_type: reads, writes, retries */
    uint64_t steps_done, steps_failed;
    size_t resources, unchanged;
    unsigned steps[6]; /* of the last plan, by enum action */
    unsigned running, waiting, blocked, unknown;
    double pass_seconds;
    int64_t last_success_ms; /* wall; 0: never */
    char commit[41];
    bool halted;
};

void metrics_add(struct metrics *metrics, const struct pass *pass, bool succeeded, int64_t now_ms);
void metrics_render(const struct metrics *metrics, struct text *out);
