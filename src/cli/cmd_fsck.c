#include "cli/commands.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/fsck.h"

#include <stdio.h>
#include <string.h>

static json_t *finding_json(const struct fsck_finding *finding)
{
    json_t *json = json_object();
    json_set_text(json, "code", fsck_name(finding->code));
    json_set_text(json, "path", finding->path);
    json_set_text(json, "text", finding->text[0] ? finding->text : NULL);
    json_set_text(json, "meaning", fsck_meaning(finding->code));
    json_set_text(json, "mend", fsck_mend(finding->code));
    json_set_bool(json, "repairable", finding->repairable);
    json_set_bool(json, "repaired", finding->repaired);
    return json;
}

static void print_json(const char *path, const struct fsck_findings *findings)
{
    CLEANUP(json_drop) json_t *json = json_object();
    json_t *list = json_array();
    for (size_t i = 0; i < findings->count; i++)
        (void)json_array_append_new(list, finding_json(&findings->list[i]));
    json_set_text(json, "spool", path);
    json_set_bool(json, "ok", fsck_unrepaired(findings) == 0);
    json_set(json, "findings", list);
    cli_print_json(json);
}

static void print_finding(const struct fsck_finding *finding, bool repair)
{
    const char *mend = finding->repaired     ? "repaired"
                       : repair              ? "NOT repaired"
                       : finding->repairable ? "--repair"
                                             : "what to do";
    cli_line(stdout, "%s: %s%s%s", finding->path, fsck_name(finding->code),
             finding->text[0] ? ": " : "", finding->text);
    cli_line(stdout, "    %s", fsck_meaning(finding->code));
    cli_line(stdout, "    %s: %s", mend, fsck_mend(finding->code));
}

static void print_text(const char *path, const struct fsck_findings *findings, bool repair)
{
    size_t left = fsck_unrepaired(findings);
    for (size_t i = 0; i < findings->count; i++)
        print_finding(&findings->list[i], repair);
    if (findings->count == 0)
        cli_line(stdout, "%s: all is as it should be", path);
    else if (repair)
        cli_line(stdout, "%s: %zu found, %zu repaired", path, findings->count,
                 findings->count - left);
    else
        cli_line(stdout, "%s: %zu found", path, findings->count);
}

/* All that it can find; as docs/spool.md has it. */
static int print_codes(const struct cli *cli)
{
    CLEANUP(json_drop) json_t *list = json_array();
    for (int i = 0; i < FSCK_COUNT; i++) {
        const enum fsck_code code = (enum fsck_code)i;
        json_t *json = json_object();
        json_set_text(json, "code", fsck_name(code));
        json_set_text(json, "meaning", fsck_meaning(code));
        json_set_text(json, "mend", fsck_mend(code));
        json_set_bool(json, "repairable", fsck_can_repair(code));
        (void)json_array_append_new(list, json);
        if (!cli->json)
            cli_line(stdout, "| `%s` | %s | %s: %s |", fsck_name(code), fsck_meaning(code),
                     fsck_can_repair(code) ? "`--repair`" : "by hand", fsck_mend(code));
    }
    if (cli->json)
        cli_print_json(list);
    return EXIT_OK;
}

/* What was not given is what the spool's workers go by; without a spool nobody is alive. */
static void use_settings(const struct cli *cli, const struct spool *spool, struct fsck_rules *rules)
{
    if (rules->lease_ms >= 0)
        return;
    rules->lease_ms = fsck_rules_default.lease_ms;
    CLEANUP(settings_free)
    struct settings *settings = spool ? cli_try_settings(cli, spool_path(spool)) : NULL;
    if (!settings)
        return;
    rules->lease_ms = (int64_t)(settings_values(settings)->lease_s * 1000);
    fs_set_durable(strcmp(settings_values(settings)->durability, "full") == 0);
}

static int examine(const struct cli *cli, struct fsck_rules *rules, bool repair)
{
    struct err err = { 0 };
    struct spool *spool = NULL;
    struct fsck_findings findings = { 0 };
    int r = fsck_open(cli_spool_dir(cli), repair, &spool, &findings, &err);
    size_t before = findings.count;
    use_settings(cli, spool, rules);
    if (r == 1)
        r = fsck_run(spool, rules, &findings, &err);
    if (r == 0 && spool && repair && findings.count > before)
        r = fsck_repair(spool, rules, &findings, &err);
    if (r >= 0 && cli->json)
        print_json(spool ? spool_path(spool) : cli_spool_dir(cli), &findings);
    else if (r >= 0)
        print_text(spool ? spool_path(spool) : cli_spool_dir(cli), &findings, repair);
    int status = fsck_unrepaired(&findings) ? EXIT_NOT_SO : EXIT_OK;
    if (r < 0 || (!spool && repair))
        status = cli_fail(EXIT_UNUSABLE, &err);
    fsck_findings_release(&findings);
    spool_close(&spool);
    return status;
}

static int run_fsck(struct cli *cli, int argc, char **argv)
{
    struct fsck_rules rules = fsck_rules_default;
    bool repair = false, codes = false;
    rules.lease_ms = -1;
    const struct cli_option table[] = {
        { "repair", 0, CLI_FLAG, &repair, NULL, "put right what can be put right" },
        { "codes", 0, CLI_FLAG, &codes, NULL, "list all that can be found, and end" },
        { "lease", 0, CLI_SECONDS, &rules.lease_ms, "TIME",
          "a worker whose heartbeat is older is dead (60s)" },
        { "still", 0, CLI_SECONDS, &rules.still_ms, "TIME",
          "between two looks at what may be on its way (3s)" },
        { "old", 0, CLI_SECONDS, &rules.old_ms, "TIME",
          "what nobody has touched for so long in tmp/ and cancel/ is left over (1h)" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    int first;
    int status = cli_parse(cli, table, argc, argv, &first);
    if (status >= 0)
        return status;
    if (first < argc)
        return cli_usage(cli, "takes no argument, but was given '%s'", argv[first]);
    return codes ? print_codes(cli) : examine(cli, &rules, repair);
}

const struct cli_command cmd_fsck = {
    .name = "fsck",
    .arguments = "",
    .summary = "find and explain every state of the spool that the protocol does not allow",
    .details =
        "Safe while workers are at work. --repair removes no job and no media: what cannot be "
        "put\n"
        "right goes to error/, with a record that says so, or stays and is explained. Exit "
        "status 1\n"
        "when something was found and not repaired.",
    .run = run_fsck,
};
