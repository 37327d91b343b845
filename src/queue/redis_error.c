#include <string.h>

#include "base/str.h"
#include "queue/redis_conn.h"

struct reply_class {
    const char *word;
    enum ftl_retry retry;
};

/* The first word of an error reply. What is not listed is unexpected: one more try. */
static const struct reply_class classes[] = {
    {"LOADING", FTL_RETRY_LATER},     {"READONLY", FTL_RETRY_LATER},
    {"OOM", FTL_RETRY_LATER},         {"MISCONF", FTL_RETRY_LATER},
    {"BUSY", FTL_RETRY_LATER},        {"MASTERDOWN", FTL_RETRY_LATER},
    {"NOREPLICAS", FTL_RETRY_LATER},  {"TRYAGAIN", FTL_RETRY_LATER},
    {"CLUSTERDOWN", FTL_RETRY_LATER}, {"UNBLOCKED", FTL_RETRY_LATER},
    {"NOAUTH", FTL_RETRY_NEVER},      {"WRONGPASS", FTL_RETRY_NEVER},
    {"NOPERM", FTL_RETRY_NEVER},      {"WRONGTYPE", FTL_RETRY_NEVER},
    {"CROSSSLOT", FTL_RETRY_NEVER},   {"MOVED", FTL_RETRY_NEVER},
    {"ASK", FTL_RETRY_NEVER},         {"NOPROTO", FTL_RETRY_NEVER},
};

/* A script's error carries the command's own behind "-" on servers before 7. */
static const struct reply_class *classify(const char *text)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        char inner[24] = "-";
        size_t length = strlen(classes[i].word);
        (void)ftl_copy_text(inner + 1, sizeof(inner) - 1, classes[i].word); /* they are short */
        inner[length + 1] = ' ';
        if ((strncmp(text, classes[i].word, length) == 0 &&
             (text[length] == ' ' || text[length] == '\0')) ||
            strstr(text, inner) != NULL)
        {
            return &classes[i];
        }
    }
    return NULL;
}

enum ftl_code ftl_redis_fail_reply(const char *text, const char *what, struct ftl_err *err)
{
    const struct reply_class *class = classify(text);
    if (class != NULL && (strcmp(class->word, "MOVED") == 0 || strcmp(class->word, "ASK") == 0 ||
                          strcmp(class->word, "CROSSSLOT") == 0))
    {
        (void)ftl_fail(err, FTL_QUEUE,
                       "%s: this server is part of a Redis Cluster, which is not supported", what);
    } else {
        (void)ftl_fail(err, FTL_QUEUE, "%s: redis says: %.200s", what, text);
    }
    err->retry = class != NULL ? class->retry : FTL_RETRY_ONCE;
    return err->code;
}
