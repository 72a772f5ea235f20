#include "run/metrics.h"

void metrics_add(struct metrics *metrics, const struct pass *pass, bool succeeded, int64_t now_ms) {
    metrics->passes[succeeded ? 1 : 0]++;
    metrics->pass_seconds = (double)pass->took_ms / 1000.0;
    for (int type = REQUEST_AWS; type <= REQUEST_KUBERNETES; type++) {
        metrics->requests[type][0] += pass->requests[type].reads;
        metrics->requests[type][1] += pass->requests[type].writes;
        metrics->requests[type][2] += pass->requests[type].retries;
    }
    if (!succeeded)
        return;
    metrics->steps_done += pass->applied.done;
    metrics->steps_failed += pass->applied.failed;
    metrics->resources = pass->graph.count;
    metrics->unchanged = pass->differences.unchanged_count;
    metrics->running = pass->applied.running;
    metrics->waiting = pass->applied.waiting;
    metrics->unknown = pass->plan.unknown_count;
    metrics->halted = pass->ledger.halted != NULL;
    metrics->blocked = 0;
    for (size_t i = 0; i < pass->plan.step_count; i++)
        metrics->blocked += pass->plan.steps[i].blocked != NULL;
    for (int action = ACTION_CREATE; action <= ACTION_WAIT; action++)
        metrics->steps[action] = plan_count(&pass->plan, (enum action)action);
    metrics->last_success_ms = now_ms;
    snprintf(metrics->commit, sizeof metrics->commit, "%s", pass->tree.commit == NULL ? "" : pass->tree.commit);
}

static void head(struct text *out, const char *name, const char *type, const char *help) {
    text_add(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct text *out, const char *name, const char *help, double value) {
    head(out, name, "gauge", help);
    text_add(out, "%s %.10g\n", name, value);
}

void metrics_render(const struct metrics *metrics, struct text *out) {
    static const char *const types[] = {"aws", "kubernetes"}, *const kinds[] = {"read", "write", "retry"};
    head(out, "eksact_passes_total", "counter", "Passes from git to report.");
    text_add(out, "eksact_passes_total{result=\"success\"} %llu\neksact_passes_total{result=\"failure\"} %llu\n",
             (unsigned long long)metrics->passes[1], (unsigned long long)metrics->passes[0]);
    head(out, "eksact_requests_total", "counter", "Calls to AWS and to API servers.");
    for (size_t type = 0; type < 2; type++) {
        for (size_t kind = 0; kind < 3; kind++)
            text_add(out, "eksact_requests_total{service=\"%s\",kind=\"%s\"} %llu\n", types[type], kinds[kind],
                     (unsigned long long)metrics->requests[type][kind]);
    }
    head(out, "eksact_steps_total", "counter", "Steps that ended.");
    text_add(out, "eksact_steps_total{result=\"done\"} %llu\neksact_steps_total{result=\"failed\"} %llu\n",
             (unsigned long long)metrics->steps_done, (unsigned long long)metrics->steps_failed);
    head(out, "eksact_plan_steps", "gauge", "Steps of the last plan.");
    for (int action = ACTION_CREATE; action <= ACTION_WAIT; action++)
        text_add(out, "eksact_plan_steps{action=\"%s\"} %u\n", action_name((enum action)action), metrics->steps[action]);
    gauge(out, "eksact_resources", "Resources that git declares.", (double)metrics->resources);
    gauge(out, "eksact_resources_unchanged", "Resources that are as declared.", (double)metrics->unchanged);
    gauge(out, "eksact_resources_unknown", "Resources that could not be read.", metrics->unknown);
    gauge(out, "eksact_steps_running", "Steps under way.", metrics->running);
    gauge(out, "eksact_steps_waiting", "Steps that wait for their turn.", metrics->waiting);
    gauge(out, "eksact_steps_blocked", "Steps that a guard blocks until a person acts in git.", metrics->blocked);
    gauge(out, "eksact_halted", "1 when the roll-out has stopped after failures.", metrics->halted ? 1 : 0);
    gauge(out, "eksact_pass_seconds", "Duration of the last pass.", metrics->pass_seconds);
    gauge(out, "eksact_last_success_timestamp_seconds", "When a pass last succeeded.", (double)metrics->last_success_ms / 1000.0);
    head(out, "eksact_commit_info", "gauge", "The commit that the last pass read.");
    text_add(out, "eksact_commit_info{commit=\"%s\"} 1\n", metrics->commit);
}
