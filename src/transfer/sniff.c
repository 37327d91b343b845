#include "transfer/sniff.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

static bool starts_with_word(const char *text, size_t length, const char *word)
{
    size_t wanted = strlen(word);
    return length >= wanted && strncasecmp(text, word, wanted) == 0;
}

/* `{` or `[`, then what may follow it in JSON; captions and lyrics may start with a bracket too. */
static bool is_json(const char *text, size_t length)
{
    if (length < 2 || (text[0] != '{' && text[0] != '[')) {
        return false;
    }
    size_t at = 1;
    while (at < length && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0') {
        at++;
    }
    if (at == length) {
        return false;
    }
    return text[0] == '{' ? text[at] == '"' || text[at] == '}'
                          : text[at] == '{' || text[at] == '"' || text[at] == ']';
}

const char *ftl_sniff_page(const void *bytes, size_t length)
{
    static const char *const html[] = {"<!doctype html", "<html", "<head", "<body", "<script"};
    const char *text = bytes;
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        length -= 3;
    }
    while (length > 0 && (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n')) {
        text++;
        length--;
    }
    for (size_t i = 0; i < sizeof(html) / sizeof(html[0]); i++) {
        if (starts_with_word(text, length, html[i])) {
            return "an HTML page";
        }
    }
    if (starts_with_word(text, length, "<?xml") || starts_with_word(text, length, "<error")) {
        for (size_t i = 0; i + 6 <= length; i++) {
            if (starts_with_word(text + i, length - i, "<html")) {
                return "an HTML page"; /* XHTML */
            }
        }
        return "an XML document";
    }
    return is_json(text, length) ? "a JSON document" : NULL;
}
