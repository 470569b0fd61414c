#include "host.h"
#include "description.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Text from CONFIG: key NUL value NUL, `count` times and nothing else. */
int fl_host_parse_options(struct fl_stage *stage, const void *text, size_t bytes, unsigned count)
{
    if (bytes && ((const char *)text)[bytes - 1] != 0)
        return -EBADMSG;
    stage->option_text = malloc(bytes + 1);
    stage->options = calloc(count + 1, sizeof *stage->options);
    if (!stage->option_text || !stage->options)
        return -ENOMEM;
    memcpy(stage->option_text, text, bytes);
    char *at = stage->option_text, *end = at + bytes;
    while (stage->option_count < count) {
        struct fl_host_option *option = &stage->options[stage->option_count];
        option->key = at;
        at += at < end ? strlen(at) + 1 : 0;
        option->value = at;
        if (at >= end)
            return -EBADMSG;
        at += strlen(at) + 1;
        stage->option_count++;
    }
    return at == end ? 0 : -EBADMSG;
}

static void free_option(struct fl_host_option *option)
{
    free((char *)option->key);
    free((char *)option->value);
}

int fl_host_push_option(struct fl_stage *stage, const char *key, const char *value)
{
    struct fl_host_option *more = realloc(stage->set_options, (stage->set_option_count + 1) * sizeof *more);
    stage->set_options = more ? more : stage->set_options;
    struct fl_host_option option = {strdup(key), strdup(value)};
    if (!more || !option.key || !option.value) {
        free_option(&option);
        return -ENOMEM;
    }
    more[stage->set_option_count++] = option;
    return 0;
}

void fl_host_settle_option(struct fl_stage *stage, bool keep)
{
    struct fl_host_option *last = &stage->set_options[stage->set_option_count - 1], *older = stage->set_options;
    while (keep && strcmp(older->key, last->key) != 0)
        older++;
    if (keep && older == last)
        return; /* its first */
    if (keep) {
        struct fl_host_option newest = *last;
        *last = *older;
        *older = newest;
    }
    free_option(last);
    stage->set_option_count--;
}

void fl_host_free_options(struct fl_stage *stage)
{
    for (unsigned i = 0; i < stage->set_option_count; i++)
        free_option(&stage->set_options[i]);
    free(stage->set_options);
    free(stage->options);
    free(stage->option_text);
}

const char *fl_stage_string(const struct fl_stage *stage, const char *key)
{
    for (unsigned i = stage->set_option_count; i-- > 0;)
        if (strcmp(stage->set_options[i].key, key) == 0)
            return stage->set_options[i].value;
    for (unsigned i = stage->option_count; i-- > 0;) /* the last one given counts */
        if (strcmp(stage->options[i].key, key) == 0)
            return stage->options[i].value;
    const struct fl_key *known = fl_kind_key(stage->kind, key);
    return known ? known->fallback : NULL;
}

int64_t fl_stage_int(const struct fl_stage *stage, const char *key, int64_t otherwise)
{
    const char *text = fl_stage_string(stage, key);
    const struct fl_key *known = fl_kind_key(stage->kind, key);
    if (!text)
        return otherwise;
    if (known && known->type == FL_KEY_BYTES) {
        gint64 bytes;
        return fl_parse_bytes(text, &bytes) ? bytes : otherwise;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return end == text || *end || errno ? otherwise : value;
}

bool fl_stage_bool(const struct fl_stage *stage, const char *key, bool otherwise)
{
    const char *text = fl_stage_string(stage, key);
    gboolean value;
    return text && fl_parse_bool(text, &value) ? value : otherwise;
}

int fl_stage_size(const struct fl_stage *stage, const char *key, unsigned *width, unsigned *height)
{
    const char *text = fl_stage_string(stage, key);
    if (!text)
        return -ENOENT;
    return fl_parse_size(text, width, height) ? 0 : -EINVAL;
}

int fl_stage_rate(const struct fl_stage *stage, const char *key, int32_t *num, int32_t *den)
{
    const char *text = fl_stage_string(stage, key);
    int n, d;
    if (!text)
        return -ENOENT;
    if (!fl_parse_rate(text, &n, &d))
        return -EINVAL;
    *num = n;
    *den = d;
    return 0;
}

int64_t fl_stage_duration_ns(const struct fl_stage *stage, const char *key, int64_t otherwise)
{
    const char *text = fl_stage_string(stage, key);
    gint64 ns;
    return text && fl_parse_duration_ns(text, &ns) ? ns : otherwise;
}

void fl_stage_each_option(const struct fl_stage *stage, const char *prefix,
                          void (*each)(void *arg, const char *name, const char *value), void *arg)
{
    size_t length = strlen(prefix);
    for (unsigned i = 0; i < stage->option_count; i++)
        if (strncmp(stage->options[i].key, prefix, length) == 0)
            each(arg, stage->options[i].key + length, stage->options[i].value);
}
