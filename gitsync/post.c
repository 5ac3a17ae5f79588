/* Webhooks out: a JSON object to each URL of --notify after a deployment or a refusal. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "gitsync/gitsync.h"
#include "gitsync/story.h"
#include "zone/base/json.h"
#include "zone/base/version.h"

#define POST_TIMEOUT_MS 5000L
#define POST_TRIES 2

static void put_zones(struct json *json, const struct plan *plan)
{
    json_open(json, "zones", '[');
    for (unsigned i = 0; i < plan->zone_count && i < 1000; i++) {
        const struct zone_plan *zone = &plan->zones[i];
        json_open(json, NULL, '{');
        json_text(json, "zone", zone->zone);
        json_text(json, "change", zone_change_word(zone->change));
        json_number(json, "serial", zone->new_serial);
        json_text(json, "verdict", outcome_word(zone->outcome));
        json_close(json, '}');
    }
    json_close(json, ']');
}

static char *make_body(const struct settings *settings, const struct deployment *deployment)
{
    char *text = NULL;
    size_t len;
    struct json json;
    const struct problem *problem = &deployment->problem;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return NULL;
    json_init(&json, out);
    json_open(&json, NULL, '{');
    json_text(&json, "repository", settings->name);
    json_text(&json, "outcome", outcome_word(problem->outcome));
    json_number(&json, "exit_status", (uint64_t)problem->outcome);
    json_text(&json, "why", problem->outcome != OUTCOME_FINE ? problem->text : NULL);
    json_text(&json, "hint", problem->hint[0] != '\0' ? problem->hint : NULL);
    json_text(&json, "commit", deployment->tip.id);
    json_text(&json, "deployed", deployment->deployed);
    json_text(&json, "summary", deployment->plan.commit.summary);
    json_text(&json, "author", deployment->plan.commit.author);
    json_text(&json, "signer", deployment->plan.signer);
    put_zones(&json, &deployment->plan);
    json_close(&json, '}');
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

static size_t swallow(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static CURLcode post(CURL *curl, const char *url, const char *body, long *status)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "gitsync/" BAILIWICK_VERSION);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, POST_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    curl_slist_free_all(headers);
    return code;
}

static void post_to(const struct settings *settings, const char *url, const char *body)
{
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_FAILED_INIT;
    long status = 0;
    for (unsigned i = 0; curl != NULL && i < POST_TRIES; i++) {
        code = post(curl, url, body, &status);
        if (code == CURLE_OK && status < 500)
            break;
    }
    if (code != CURLE_OK || status >= 300)
        story_tell(settings->name, LOG_WARNING, "notify", "%s: %s (status %ld)", url,
            curl_easy_strerror(code), status);
    curl_easy_cleanup(curl);
}

void post_deployment(const struct settings *settings, const struct deployment *deployment)
{
    bool news = deployment->changed || deployment->problem.outcome != OUTCOME_FINE;
    char *body = news && settings->notify.count > 0 ? make_body(settings, deployment) : NULL;
    for (unsigned i = 0; body != NULL && i < settings->notify.count; i++)
        post_to(settings, settings->notify.at[i], body);
    free(body);
}
