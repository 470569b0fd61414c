#include "failing.h"

#include "../lib/check.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct search {
    const char *name;
    char path[4096];
};

static int compare(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *search = arg;
    if (!strstr(info->dlpi_name, search->name))
        return 0;
    strncpy(search->path, info->dlpi_name, sizeof search->path - 1);
    return 1;
}

static const Elf64_Shdr *find_symbols(const uint8_t *image)
{
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)image;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(image + head->e_shoff);
    for (unsigned i = 0; i < head->e_shnum; i++)
        if (sections[i].sh_type == SHT_DYNSYM)
            return &sections[i];
    check_skip("the library has no table of its symbols");
}

int failing_each_symbol(const char *library, int (*visit)(const char *symbol))
{
    struct search search = {.name = library};
    struct stat st;
    CHECK_EQ(dl_iterate_phdr(compare, &search), 1);
    int fd = open(search.path, O_RDONLY | O_CLOEXEC), error = 0;
    CHECK(fd >= 0);
    CHECK_EQ(fstat(fd, &st), 0);
    const uint8_t *image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(image != MAP_FAILED);
    const Elf64_Shdr *section = find_symbols(image);
    const Elf64_Shdr *names = (const Elf64_Shdr *)(image + ((const Elf64_Ehdr *)image)->e_shoff) + section->sh_link;
    const Elf64_Sym *symbols = (const Elf64_Sym *)(image + section->sh_offset);
    for (size_t i = 1; i < section->sh_size / sizeof *symbols && error == 0; i++)
        if (symbols[i].st_shndx == SHN_UNDEF && ELF64_ST_BIND(symbols[i].st_info) == STB_GLOBAL)
            error = visit((const char *)image + names->sh_offset + symbols[i].st_name);
    munmap((void *)image, (size_t)st.st_size);
    close(fd);
    return error;
}
