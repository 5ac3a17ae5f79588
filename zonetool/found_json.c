/* Findings as JSON for programs: our own form, SARIF 2.1.0 (OASIS) and GitLab's code quality report. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "zone/base/json.h"
#include "zone/base/version.h"
#include "zonetool/found.h"

static const char *path_of(const struct found *found)
{
    const char *path = found->finding.file != NULL ? found->finding.file : "-";
    return strncmp(path, "./", 2) == 0 ? path + 2 : path;
}

static void put_fingerprint(struct json *json, const char *name, const struct found *found, unsigned number)
{
    char text[40];
    if (number > 0)
        snprintf(text, sizeof text, "%016" PRIx64 "-%u", found->fingerprint, number);
    else
        snprintf(text, sizeof text, "%016" PRIx64, found->fingerprint);
    json_text(json, name, text);
}

/* ---- our own ---- */

static void put_finding(struct json *json, const struct found *found)
{
    uint32_t from, end;
    found_columns(found, &from, &end);
    json_open(json, NULL, '{');
    json_text(json, "rule", found->finding.rule);
    json_text(json, "level", severity_text(found->finding.severity));
    json_text(json, "file", found->finding.file);
    if (found->finding.line != 0)
        json_number(json, "line", found->finding.line);
    if (from != 0) {
        json_number(json, "column", from);
        json_number(json, "end_column", end);
    }
    json_text(json, "message", found->finding.message);
    json_text(json, "hint", found->finding.hint);
    if (found->excerpt[0] != '\0')
        json_text(json, "text", found->excerpt);
    put_fingerprint(json, "fingerprint", found, 0);
    json_close(json, '}');
}

static void put_file(struct json *json, const struct found_list *list, const struct found_file *file)
{
    json_open(json, NULL, '{');
    json_text(json, "file", file->path);
    json_number(json, "records", file->records);
    json_number(json, "errors", found_count(list, file->from, file->to, SEVERITY_ERROR));
    json_number(json, "warnings", found_count(list, file->from, file->to, SEVERITY_WARNING));
    json_number(json, "infos", found_count(list, file->from, file->to, SEVERITY_INFO));
    json_number(json, "ignored", file->ignored);
    json_number(json, "signatures", file->signatures);
    json_number(json, "second_opinions", file->opinions);
    json_close(json, '}');
}

void found_put_json(FILE *out, const struct found_list *list)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "tool", "zonetool " BAILIWICK_VERSION);
    json_open(&json, "files", '[');
    for (size_t i = 0; i < list->file_count; i++)
        put_file(&json, list, &list->files[i]);
    json_close(&json, ']');
    json_open(&json, "findings", '[');
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i].known)
            put_finding(&json, &list->items[i]);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    fputc('\n', out);
}

/* ---- SARIF 2.1.0 ---- */

static const char *sarif_level(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : severity == SEVERITY_WARNING ? "warning" : "note";
}

static void put_sarif_text(struct json *json, const char *name, const char *text)
{
    json_open(json, name, '{');
    json_text(json, "text", text);
    json_close(json, '}');
}

/* What a zone puts into a message must not become a link (SARIF 2.1.0, 3.11.6): no "](" of "[text](target)".
 */
static void put_sarif_message(struct json *json, const char *message)
{
    char text[4096];
    size_t len = 0;
    for (; *message != '\0' && len + 3 < sizeof text; message++) {
        text[len++] = *message;
        if (*message == ']' && message[1] == '(')
            text[len++] = ' ';
    }
    text[len] = '\0';
    put_sarif_text(json, "message", text);
}

static void put_sarif_rule(struct json *json, const struct rule *rule)
{
    json_open(json, NULL, '{');
    json_text(json, "id", rule->name);
    put_sarif_text(json, "shortDescription", rule->why);
    put_sarif_text(json, "fullDescription", rule->why);
    put_sarif_text(json, "help", rule->hint);
    json_open(json, "defaultConfiguration", '{');
    json_text(json, "level", sarif_level(rule->severity));
    json_close(json, '}');
    json_close(json, '}');
}

/* The rules that were broken, in the table's order; INDEX gets the place of each. */
static void put_sarif_rules(struct json *json, const struct found_list *list, int *index)
{
    int next = 0;
    for (size_t i = 0; i < RULES_MAX; i++)
        index[i] = -1;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].rule != NULL)
            index[rule_number(list->items[i].rule)] = 0;
    }
    json_open(json, "rules", '[');
    for (size_t i = 0; i < rule_count(); i++) {
        if (index[i] != 0)
            continue;
        index[i] = next++;
        put_sarif_rule(json, rule_at(i));
    }
    json_close(json, ']');
}

/* A relative reference (RFC 3986 4.2), or a file's URI. */
static void put_uri(struct json *json, const char *path)
{
    char uri[3 * PATH_MAX + 8];
    size_t len = *path == '/' ? (size_t)snprintf(uri, sizeof uri, "file://") : 0;
    for (const unsigned char *at = (const unsigned char *)path; *at != '\0' && len + 4 < sizeof uri; at++) {
        bool plain = (*at >= '0' && *at <= '9') || ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') ||
                     strchr("/-._~", *at) != NULL;
        len += (size_t)snprintf(uri + len, sizeof uri - len, plain ? "%c" : "%%%02X", *at);
    }
    uri[len] = '\0';
    json_text(json, "uri", uri);
}

static void put_sarif_place(struct json *json, const struct found *found)
{
    uint32_t from, end;
    found_columns(found, &from, &end);
    json_open(json, "locations", '[');
    json_open(json, NULL, '{');
    json_open(json, "physicalLocation", '{');
    json_open(json, "artifactLocation", '{');
    put_uri(json, path_of(found));
    json_close(json, '}');
    if (found->finding.line != 0) {
        json_open(json, "region", '{');
        json_number(json, "startLine", found->finding.line);
        if (from != 0) {
            json_number(json, "startColumn", from);
            json_number(json, "endColumn", end);
        }
        if (found->excerpt[0] != '\0')
            put_sarif_text(json, "snippet", found->excerpt);
        json_close(json, '}');
    }
    json_close(json, '}');
    json_close(json, '}');
    json_close(json, ']');
}

static void put_sarif_result(struct json *json, const struct found *found, const int *index)
{
    json_open(json, NULL, '{');
    json_text(json, "ruleId", found->finding.rule);
    if (found->rule != NULL)
        json_number(json, "ruleIndex", (uint64_t)index[rule_number(found->rule)]);
    json_text(json, "level", sarif_level(found->finding.severity));
    put_sarif_message(json, found->finding.message);
    if (found->finding.file != NULL)
        put_sarif_place(json, found);
    json_open(json, "partialFingerprints", '{');
    put_fingerprint(json, "line/v1", found, found->repetition);
    json_close(json, '}');
    if (found->known)
        json_text(json, "baselineState", "unchanged");
    json_close(json, '}');
}

void found_put_sarif(FILE *out, const struct found_list *list)
{
    struct json json;
    int index[RULES_MAX];
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    json_text(&json, "version", "2.1.0");
    json_open(&json, "runs", '[');
    json_open(&json, NULL, '{');
    json_open(&json, "tool", '{');
    json_open(&json, "driver", '{');
    json_text(&json, "name", "zonetool");
    json_text(&json, "version", BAILIWICK_VERSION);
    put_sarif_rules(&json, list, index);
    json_close(&json, '}');
    json_close(&json, '}');
    json_text(&json, "columnKind", "unicodeCodePoints");
    json_open(&json, "results", '[');
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i].known)
            put_sarif_result(&json, &list->items[i], index);
    }
    json_close(&json, ']');
    json_close(&json, '}');
    json_close(&json, ']');
    json_close(&json, '}');
    fputc('\n', out);
}

/* ---- GitLab code quality ---- */

static const char *gitlab_severity(const struct found *found)
{
    bool mandatory = found->rule != NULL && found->rule->set == RULE_MANDATORY;
    switch (found->finding.severity) {
    case SEVERITY_ERROR:
        return mandatory ? "blocker" : "critical";
    case SEVERITY_WARNING:
        return "minor";
    default:
        return "info";
    }
}

void found_put_gitlab(FILE *out, const struct found_list *list)
{
    struct json json;
    json_init(&json, out);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < list->count; i++) {
        const struct found *found = &list->items[i];
        if (found->known)
            continue;
        json_open(&json, NULL, '{');
        json_text(&json, "description", found->finding.message);
        json_text(&json, "check_name", found->finding.rule);
        put_fingerprint(&json, "fingerprint", found, found->repetition);
        json_text(&json, "severity", gitlab_severity(found));
        json_open(&json, "location", '{');
        json_text(&json, "path", path_of(found));
        json_open(&json, "lines", '{');
        json_number(&json, "begin", found->finding.line != 0 ? found->finding.line : 1);
        json_close(&json, '}');
        json_close(&json, '}');
        json_close(&json, '}');
    }
    json_close(&json, ']');
    fputc('\n', out);
}
