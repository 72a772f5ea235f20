/* Runs a fuzz harness on the files named, once each: the corpora in ordinary test runs, and one found input in a debugger. With libFuzzer
 * this file is left out and the harness links to the fuzzer instead. */
#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define INPUT_LIMIT_BYTES ((size_t)8 << 20)

/* A copy of exactly its size, so that the address sanitizer sees a read behind its end. */
static void replay_bytes(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    if (copy == NULL)
        abort();
    if (length > 0)
        memcpy(copy, bytes, length);
    (void)LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_LIMIT_BYTES);
    if (file == NULL || bytes == NULL) {
        (void)fprintf(stderr, "%s cannot be read\n", path);
        exit(1);
    }
    size_t length = fread(bytes, 1, INPUT_LIMIT_BYTES, file);
    (void)fclose(file);
    replay_bytes(bytes, length);
    /* Every beginning of it too: what was cut off is the commonest broken input. */
    for (size_t cut = 0; cut < length && cut < 256; cut++)
        replay_bytes(bytes, cut);
    free(bytes);
    return 1;
}

static int replay_directory(const char *path) {
    int count = 0;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return replay_file(path);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[4096];
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        struct stat status;
        if (stat(name, &status) == 0 && S_ISREG(status.st_mode))
            count += replay_file(name);
    }
    (void)closedir(directory);
    return count;
}

int main(int argc, char **argv) {
    int count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_directory(argv[i]);
    (void)printf("%d inputs\n", count);
    return count > 0 ? 0 : 1;
}
