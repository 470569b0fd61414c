#include "doctor.h"
#include "budget.h"
#include "run.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LITTLE_MEMORY_BYTES (256ull << 20)
#define FEW_DESCRIPTORS     256
#define PIPE_BYTES          (1 << 20)

/* One line of a file, without its newline; NULL if it cannot be read. */
static char *read_line(const char *path)
{
    char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    text[strcspn(text, "\n")] = 0;
    return text;
}

static void look_at_memory(FlDoctor *doctor)
{
    uint64_t available = fl_run_memory_available();
    g_autofree char *text = fl_bytes_text(available);
    fl_doctor_add(
        doctor, available >= LITTLE_MEMORY_BYTES ? FL_HEALTH_OK : FL_HEALTH_WARN, "memory for frames",
        "large pictures will not fit: a 2160p pipeline needs some 500 MiB; raise the limit of this container or close programs",
        "%s can be shared", text);
}

static void look_at_address_space(FlDoctor *doctor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        g_autofree char *text = fl_bytes_text(limit.rlim_cur);
        fl_doctor_add(doctor, limit.rlim_cur >= (1ull << 30) ? FL_HEALTH_OK : FL_HEALTH_WARN, "address space",
                      "pools are mapped by every stage that sees them: ulimit -v unlimited", "limited to %s a process", text);
    }
}

static void look_at_file_size(FlDoctor *doctor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        g_autofree char *text = fl_bytes_text(limit.rlim_cur);
        fl_doctor_add(doctor, FL_HEALTH_WARN, "size of files",
                      "pools and outputs that are larger cannot be made: ulimit -f unlimited", "limited to %s", text);
    }
}

static void look_at_descriptors(FlDoctor *doctor)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    fl_doctor_add(doctor, limit.rlim_cur >= FEW_DESCRIPTORS ? FL_HEALTH_OK : FL_HEALTH_WARN, "open files",
                  "a lane takes up to 8 descriptors of the supervisor while it is wired: ulimit -n 1024", "%llu (at most %llu)",
                  (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
}

static void look_at_pipes(FlDoctor *doctor)
{
    g_autofree char *text = read_line("/proc/sys/fs/pipe-max-size");
    gint64 bytes = text ? g_ascii_strtoll(text, NULL, 10) : 0;
    g_autofree char *size = fl_bytes_text((uint64_t)MAX(bytes, 0));
    fl_doctor_add(doctor, bytes >= PIPE_BYTES ? FL_HEALTH_OK : FL_HEALTH_WARN, "pipes",
                  "--transport pipe is slower with small pipes: sysctl fs.pipe-max-size=1048576", "at most %s", size);
}

static void look_at_huge_pages(FlDoctor *doctor)
{
    g_autofree char *text = read_line("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    const char *open = text ? strchr(text, '[') : NULL;
    if (!open)
        return;
    gboolean never = g_str_has_prefix(open, "[never]") || g_str_has_prefix(open, "[deny]");
    fl_doctor_add(doctor, FL_HEALTH_OK, "huge pages (shmem)", NULL, "%.*s%s", (int)strcspn(open + 1, "]"), open + 1,
                  never ? "; with advise a pipeline starts with less work (transparent_hugepage/shmem_enabled)" : "");
}

static void look_at_processors(FlDoctor *doctor)
{
    static const char cache[] = "/sys/devices/system/cpu/cpu0/cache/index%u/%s";
    g_autoptr(GString) caches = g_string_new(NULL);
    for (unsigned i = 0; i < 8; i++) {
        g_autofree char *level_path = g_strdup_printf(cache, i, "level"), *size_path = g_strdup_printf(cache, i, "size");
        g_autofree char *type_path = g_strdup_printf(cache, i, "type");
        g_autofree char *level = read_line(level_path), *size = read_line(size_path), *type = read_line(type_path);
        if (level && size && type && strcmp(type, "Instruction") != 0)
            g_string_append_printf(caches, ", L%s %s", level, size);
    }
    fl_doctor_add(doctor, caches->len ? FL_HEALTH_OK : FL_HEALTH_WARN, "processors",
                  "the sizes of the caches are unknown, so slots are rotated by a guess: some speed may be lost", "%u%s",
                  g_get_num_processors(), caches->str);
}

void fl_doctor_look_at_limits(FlDoctor *doctor)
{
    look_at_memory(doctor);
    look_at_address_space(doctor);
    look_at_file_size(doctor);
    look_at_descriptors(doctor);
    look_at_pipes(doctor);
    look_at_huge_pages(doctor);
    look_at_processors(doctor);
}
