/* Directories and local repositories, made by git itself in a temporary directory. Over HTTP: tests/git/http.sh. */
#include "world/git.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

struct place_to_work {
    char folder[64];
    char start[4096];
    struct arena *arena;
    struct tree tree;
    struct findings findings;
    struct error err;
};

static void shell(const char *script) {
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp("sh", "sh", "-euc", script, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("failed: %s", script);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int begin(void **state) {
    struct place_to_work *work = calloc(1, sizeof *work);
    snprintf(work->folder, sizeof work->folder, "/tmp/world_git.XXXXXX");
    assert_non_null(getcwd(work->start, sizeof work->start));
    assert_non_null(mkdtemp(work->folder));
    assert_int_equal(chdir(work->folder), 0);
    setenv("HOME", work->folder, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    work->arena = arena_new();
    *state = work;
    return 0;
}

static int end(void **state) {
    struct place_to_work *work = *state;
    assert_int_equal(chdir(work->start), 0);
    shell(arena_text(work->arena, "chmod -R u+rwX %s", work->folder));
    nftw(work->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_free(work->arena);
    free(work);
    return 0;
}

static bool read_with(struct place_to_work *work, const struct git_source *source, struct git_limits limits) {
    work->tree = (struct tree){0};
    work->findings = (struct findings){0};
    work->err = (struct error){0};
    return git_read(NULL, source, &limits, work->arena, &work->tree, &work->findings, &work->err);
}

static bool read_from(struct place_to_work *work, const char *location, const char *reference, const char *path) {
    struct git_source source = {.location = location, .reference = reference, .path = path};
    return read_with(work, &source, git_limits_default());
}

/* "path=content path=content", contents without their newline. */
static const char *tree_line(struct place_to_work *work) {
    const char *line = "";
    for (size_t i = 0; i < work->tree.count; i++) {
        const struct tree_file *file = &work->tree.files[i];
        size_t length = file->length > 0 && file->bytes[file->length - 1] == '\n' ? file->length - 1 : file->length;
        line = arena_text(work->arena, "%s%s%s=%.*s", line, *line ? " " : "", file->path, (int)length, file->bytes);
    }
    return line;
}

/* "path: text", a warning marked by "?", sorted. */
static const char *findings_line(struct place_to_work *work) {
    const char *line = "";
    findings_sort(&work->findings);
    for (size_t i = 0; i < work->findings.count; i++) {
        const struct finding *finding = &work->findings.items[i];
        line = arena_text(work->arena, "%s%s%s%s: %s", line, *line ? "; " : "", finding->place.file, finding->warning ? "?" : "",
                          finding->text);
    }
    return line;
}

#define assert_read(work, ...)                                                                                                             \
    do {                                                                                                                                   \
        if (!read_from((work), __VA_ARGS__))                                                                                               \
            fail_msg("%s", (work)->err.text);                                                                                              \
    } while (0)

#define assert_refused(work, wanted_kind, wanted_text, ...)                                                                                \
    do {                                                                                                                                   \
        assert_false(read_from((work), __VA_ARGS__));                                                                                      \
        assert_int_equal((work)->err.kind, (wanted_kind));                                                                                 \
        if (!strstr((work)->err.text, (wanted_text)))                                                                                      \
            fail_msg("\"%s\" is not in \"%s\"", (wanted_text), (work)->err.text);                                                          \
    } while (0)

static const char repository_script[] =
    "git init -q -b main repo; cd repo; git config user.name t; git config user.email t@t; mkdir -p apps/web infra\n"
    "echo one >apps/web/a.yaml; echo two >apps/web/b.yml; echo three >infra/c.json; echo no >README.md; echo ign >.eksactignore\n"
    "mkdir .github; echo no >.github/w.yaml; echo no >.hidden.yaml; git add .; git commit -qm 'first commit\n\nbody'\n"
    "git tag light; git tag -am 'a message' v1; git branch dev; git branch release/1.2\n"
    "echo changed >apps/web/a.yaml; git commit -qam second; echo dirty >apps/web/a.yaml; echo new >new.yaml";

static void test_directory_as_it_stands(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    assert_read(work, "repo", NULL, NULL);
    assert_string_equal(tree_line(work), ".eksactignore=ign apps/web/a.yaml=dirty apps/web/b.yml=two infra/c.json=three new.yaml=new");
    assert_string_equal(findings_line(work), "");
    assert_null(work->tree.commit);
    assert_null(work->tree.subject);
    assert_string_equal(work->tree.source, "repo");
    assert_read(work, "repo/apps", NULL, NULL);
    assert_string_equal(tree_line(work), "web/a.yaml=dirty web/b.yml=two");
    assert_read(work, "repo", NULL, "./apps//web/");
    assert_string_equal(tree_line(work), "apps/web/a.yaml=dirty apps/web/b.yml=two");
    assert_read(work, "repo/apps/web/b.yml", NULL, NULL);
    assert_string_equal(tree_line(work), "b.yml=two");
}

static void test_commits(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    static const char first[] = ".eksactignore=ign apps/web/a.yaml=one apps/web/b.yml=two infra/c.json=three";
    static const char second[] = ".eksactignore=ign apps/web/a.yaml=changed apps/web/b.yml=two infra/c.json=three";
    static const struct {
        const char *reference, *line, *subject;
    } rows[] = {
        {"main", second, "second"},
        {"HEAD", second, "second"},
        {"dev", first, "first commit"},
        {"release/1.2", first, "first commit"},
        {"light", first, "first commit"},
        {"v1", first, "first commit"},
        {"refs/tags/v1", first, "first commit"},
        {"main~1", first, "first commit"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_read(work, "repo", rows[i].reference, NULL);
        assert_string_equal(tree_line(work), rows[i].line);
        assert_string_equal(work->tree.subject, rows[i].subject);
        assert_int_equal(strlen(work->tree.commit), 40);
        struct git_source source = {.location = "repo", .reference = rows[i].reference};
        struct git_limits limits = git_limits_default();
        char commit[41];
        assert_true(git_resolve(NULL, &source, &limits, commit, &work->err));
        assert_string_equal(commit, work->tree.commit);
    }
    assert_read(work, "repo", "dev", NULL);
    const char *id = work->tree.commit, *prefix = arena_text(work->arena, "%.9s", id);
    assert_read(work, "repo", id, NULL);
    assert_string_equal(work->tree.commit, id);
    assert_read(work, "repo", prefix, NULL);
    assert_string_equal(work->tree.commit, id);
}

static void test_commit_of_a_folder_of_the_repository(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    assert_read(work, "repo/apps", "main", NULL);
    assert_string_equal(tree_line(work), "web/a.yaml=changed web/b.yml=two");
    assert_read(work, "repo/apps/", "main", "web");
    assert_string_equal(tree_line(work), "web/a.yaml=changed web/b.yml=two");
    assert_read(work, "repo", "main", "infra");
    assert_string_equal(tree_line(work), "infra/c.json=three");
    shell("ln -s repo/apps link");
    assert_read(work, "link", "main", NULL);
    assert_string_equal(tree_line(work), "web/a.yaml=changed web/b.yml=two");
}

static void test_bare_repository_and_file_url(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    shell("git clone -q --bare repo 'bare repo.git'");
    static const char second[] = ".eksactignore=ign apps/web/a.yaml=changed apps/web/b.yml=two infra/c.json=three";
    assert_read(work, "bare repo.git", NULL, NULL);
    assert_string_equal(tree_line(work), second);
    assert_read(work, arena_text(work->arena, "file://%s/bare%%20repo.git", work->folder), NULL, NULL);
    assert_string_equal(tree_line(work), second);
    assert_read(work, arena_text(work->arena, "file://%s/repo", work->folder), "main", "infra");
    assert_string_equal(tree_line(work), "infra/c.json=three");
    assert_read(work, arena_text(work->arena, "file://localhost%s/repo", work->folder), NULL, NULL);
    assert_string_equal(tree_line(work), second);
}

static void test_branch_that_only_the_remote_has(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    shell("git clone -q repo clone; cd clone; git checkout -q --detach");
    assert_read(work, "clone", "dev", "infra");
    assert_string_equal(work->tree.subject, "first commit");
}

static void test_missing_names(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    assert_refused(work, ERROR_INVALID, "there is no branch, tag or commit \"mian\"; branches: main, dev, release/1.2", "repo", "mian",
                   NULL);
    assert_refused(work, ERROR_INVALID, "branches: dev, main, release/1.2", "repo", "something-else", NULL);
    assert_refused(work, ERROR_INVALID, "\"1234567890123456789012345678901234567890\"", "repo", "1234567890123456789012345678901234567890",
                   NULL);
    assert_refused(work, ERROR_INVALID, "no name that git takes", "repo", "", NULL);
    assert_refused(work, ERROR_INVALID, "no name that git takes", "repo", "a\nb", NULL);
    assert_refused(work, ERROR_INVALID, "read repo", "repo", "../../etc", NULL);
    assert_refused(work, ERROR_INVALID, "has no folder \"nowhere\"", "repo", "main", "nowhere");
    assert_refused(work, ERROR_INVALID, "is no folder", "repo", "main", "infra/c.json");
    assert_refused(work, ERROR_INVALID, "leads out", "repo", "main", "../repo");
    assert_refused(work, ERROR_INVALID, "leads out", "repo", NULL, "a/../..");
    assert_refused(work, ERROR_INVALID, "without a slash at its start", "repo", NULL, "/etc");
    assert_refused(work, ERROR_INVALID, "No such file", "nowhere", NULL, NULL);
    assert_refused(work, ERROR_INVALID, "No such file", "nowhere", "main", NULL);
    assert_refused(work, ERROR_INVALID, "No such file", "repo", NULL, "nowhere");
    shell("mkdir plain; echo x >plain/a.yaml");
    assert_refused(work, ERROR_INVALID, "is in no git repository", "plain", "main", NULL);
    assert_refused(work, ERROR_INVALID, "is no git repository", arena_text(work->arena, "file://%s/plain", work->folder), NULL, NULL);
    assert_refused(work, ERROR_INVALID, "is no commit but a blob", "repo", "main:infra/c.json", NULL);
}

static void test_repositories_without_commits(void **state) {
    struct place_to_work *work = *state;
    shell("git init -q -b main empty; git init -q --bare -b main bare.git");
    assert_refused(work, ERROR_INVALID, "the repository is empty", "empty", "HEAD", NULL);
    assert_refused(work, ERROR_INVALID, "the repository is empty", "bare.git", NULL, NULL);
    assert_refused(work, ERROR_INVALID, "the repository is empty", "empty", "main", NULL);
    shell(repository_script);
    shell("cd repo; git symbolic-ref HEAD refs/heads/mani");
    assert_refused(work, ERROR_INVALID, "HEAD names a branch without a commit: there is no branch, tag or commit \"mani\"; branches: main",
                   "repo", "HEAD", NULL);
}

static void test_locations(void **state) {
    struct place_to_work *work = *state;
    static const struct {
        const char *location, *text;
    } rows[] = {
        {NULL, "the source is empty"},
        {"", "the source is empty"},
        {"ssh://git@example.com/a/b", "sources over ssh:// are not read: use https://"},
        {"git://example.com/a/b", "sources over git:// are not read: use https://"},
        {"git+ssh://example.com/a/b", "sources over git+ssh://"},
        {"s3://bucket/key", "sources over s3://"},
        {"git@github.com:a/b.git", "ssh's form HOST:PATH"},
        {"https://user:hunter2@example.com/a", "has a user or a password in it"},
        {"https://hunter2@example.com/a", "has a user or a password in it"},
        {"https://example.com/a?token=hunter2", "has a query"},
        {"https://example.com/a#hunter2", "has a query, a fragment"},
        {"https://example.com/a b", "a blank"},
        {"https:///a", "names no host"},
        {"http://169.254.169.254/latest", "link-local"},
        {"https://[fd00:ec2::254]/a", "link-local"},
        {"file://host/a", "not on this machine"},
        {"file:///a%0", "hexadecimal"},
        {"file:///a%00b", "hexadecimal"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_refused(work, ERROR_INVALID, rows[i].text, rows[i].location, NULL, NULL);
        assert_null(strstr(work->err.text, "hunter2"));
        struct git_source source = {.location = rows[i].location};
        struct git_limits limits = git_limits_default();
        struct error err = {0};
        char commit[41];
        assert_false(git_resolve(NULL, &source, &limits, commit, &err));
        assert_null(strstr(err.text, "hunter2"));
    }
    shell("mkdir -p odd:name; echo x >odd:name/a.yaml");
    assert_read(work, "odd:name", NULL, NULL);
    assert_string_equal(tree_line(work), "a.yaml=x");
}

static const char odd_script[] =
    "mkdir -p dir 'sub' && cd dir; echo ok >a.yaml; ln -s a.yaml link.yaml; ln -s /etc folder; ln -s a.yaml doc.md; ln -s x .dot\n"
    "printf x >'b\\c.yaml'; printf x >\"$(printf 'd\\033[2J.yaml')\"; printf x >\"$(printf 'e\\342\\200\\256.yaml')\"; printf x "
    ">\"$(printf 'f\\377.yaml')\"\n"
    "printf x >\"$(printf 'g\\033.txt')\"; mkdir git~1 .git; echo x >git~1/a.yaml; echo x >.git/a.yaml; echo ok >'na me.yaml'; echo ok "
    ">ünï.yaml; mkfifo pipe.yaml pipe";

static const char odd_findings[] = "b\\c.yaml: the name has a backslash, which some systems take for a folder's end; "
                                   "d\\x1b[2J.yaml: the name has a control character or one that cannot be seen; "
                                   "e\\xe2\\x80\\xae.yaml: the name has a control character or one that cannot be seen; "
                                   "f\\xff.yaml: the name is not UTF-8; "
                                   "folder?: symbolic links are not followed; "
                                   "git~1: the name stands for git's own folder on some systems; "
                                   "link.yaml: symbolic links are not followed";

static void test_odd_names_in_a_directory(void **state) {
    struct place_to_work *work = *state;
    shell(odd_script);
    assert_read(work, "dir", NULL, NULL);
    assert_string_equal(tree_line(work), "a.yaml=ok na me.yaml=ok ünï.yaml=ok");
    assert_string_equal(findings_line(work), arena_text(work->arena, "%s; pipe.yaml: not a regular file", odd_findings));
    assert_refused(work, ERROR_INVALID, "symbolic links are not followed", "dir", NULL, "folder");
}

static void test_odd_names_in_a_commit(void **state) {
    struct place_to_work *work = *state;
    shell(odd_script);
    shell("cd dir; rm -r .git pipe pipe.yaml; git init -q -b main; git config user.name t; git config user.email t@t; git config "
          "core.protectNTFS false\n"
          "git add -f .; git update-index --add --cacheinfo 160000,1234567890123456789012345678901234567890,module\n"
          "git commit -qm odd");
    assert_read(work, "dir", "main", NULL);
    assert_string_equal(tree_line(work), "a.yaml=ok na me.yaml=ok ünï.yaml=ok");
    assert_string_equal(findings_line(work), arena_text(work->arena, "%s; module?: submodules are not read", odd_findings));
}

/* What git itself never writes, but a server may send: made from raw tree objects. */
static void test_crafted_trees(void **state) {
    struct place_to_work *work = *state;
    shell("git init -q -b main crafted; cd crafted; git config user.name t; git config user.email t@t\n"
          "blob=$(echo x | git hash-object -w --stdin)\n"
          "raw=$(echo $blob | sed 's/../\\\\x&/g')\n"
          "entry() { printf \"$1 $2\\\\0\"; printf '%b' \"$raw\"; }\n"
          "tree=$({ entry 100644 a.yaml; entry 100644 a.yaml; entry 100644 ..; entry 100644 'x/../../y.yaml'; entry 100644 z.yaml; } |\n"
          "  git hash-object -t tree -w --stdin --literally)\n"
          "git update-ref refs/heads/main $(git commit-tree -m crafted $tree)");
    if (read_from(work, "crafted", "main", NULL)) { /* versions of libgit2 that read such a tree at all */
        assert_string_equal(tree_line(work), "z.yaml=x");
        assert_non_null(strstr(findings_line(work), "a.yaml: the same path is there more than once"));
    } else {
        assert_int_equal(work->err.kind, ERROR_BROKEN);
    }
}

static void test_limits(void **state) {
    struct place_to_work *work = *state;
    shell("mkdir dir; cd dir; printf 12345 >a.yaml; printf 123456 >b.yaml; printf 12345 >c.yaml; printf 123456789 >ignored.txt\n"
          "git init -q -b main; git config user.name t; git config user.email t@t; git add .; git commit -qm x");
    const char *references[] = {NULL, "main"};
    for (size_t i = 0; i < 2; i++) {
        struct git_source source = {.location = "dir", .reference = references[i]};
        struct git_limits limits = git_limits_default();
        limits.file_bytes = 5;
        assert_true(read_with(work, &source, limits));
        assert_string_equal(tree_line(work), "a.yaml=12345 c.yaml=12345");
        assert_string_equal(findings_line(work), "b.yaml: larger than 5 bytes");
        limits = git_limits_default();
        limits.tree_bytes = 16;
        assert_true(read_with(work, &source, limits));
        limits.tree_bytes = 15;
        assert_false(read_with(work, &source, limits));
        assert_non_null(strstr(work->err.text, "more than 15 bytes together"));
        limits = git_limits_default();
        limits.file_count = 3;
        assert_true(read_with(work, &source, limits));
        limits.file_count = 2;
        assert_false(read_with(work, &source, limits));
        assert_non_null(strstr(work->err.text, "more than 2 manifest files"));
    }
}

static void test_deep_folders(void **state) {
    struct place_to_work *work = *state;
    shell("mkdir dir; cd dir; p=.; for i in $(seq 70); do p=$p/d; done; mkdir -p $p; echo x >$p/a.yaml; echo x >d/a.yaml\n"
          "git init -q -b main; git config user.name t; git config user.email t@t; git add .; git commit -qm x");
    const char *references[] = {NULL, "main"};
    for (size_t i = 0; i < 2; i++) {
        assert_read(work, "dir", references[i], NULL);
        assert_string_equal(tree_line(work), "d/a.yaml=x");
        assert_non_null(strstr(findings_line(work), "folders are nested too deep"));
    }
}

static void test_unreadable_file(void **state) {
    struct place_to_work *work = *state;
    if (geteuid() == 0)
        skip();
    shell("mkdir -p dir/closed; cd dir; echo x >a.yaml; echo x >b.yaml; chmod 0 b.yaml closed");
    assert_read(work, "dir", NULL, NULL);
    assert_string_equal(tree_line(work), "a.yaml=x");
    assert_string_equal(findings_line(work), "b.yaml: cannot be read: Permission denied; closed: cannot be read: Permission denied");
}

/* The user's configuration must not change what is read or run anything; nor does it matter who owns the repository. */
static void test_configuration_of_the_user_is_not_read(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    shell("echo 'this is no configuration' >.gitconfig; chown -R 65534 repo 2>/dev/null || true");
    assert_read(work, "repo", "main", "infra");
    assert_string_equal(tree_line(work), "infra/c.json=three");
}

static void test_damaged_repository(void **state) {
    struct place_to_work *work = *state;
    shell(repository_script);
    shell("cd repo; blob=$(git rev-parse main:infra/c.json); f=.git/objects/$(echo $blob | cut -c1-2)/$(echo $blob | cut -c3-)\n"
          "other=$(git rev-parse main:apps/web/b.yml); g=.git/objects/$(echo $other | cut -c1-2)/$(echo $other | cut -c3-)\n"
          "chmod u+w $f; cp $g $f");
    assert_refused(work, ERROR_BROKEN, "infra/c.json", "repo", "main", NULL); /* content that is not what its id says */
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_directory_as_it_stands),
        TEST(test_commits),
        TEST(test_commit_of_a_folder_of_the_repository),
        TEST(test_bare_repository_and_file_url),
        TEST(test_branch_that_only_the_remote_has),
        TEST(test_missing_names),
        TEST(test_repositories_without_commits),
        TEST(test_locations),
        TEST(test_odd_names_in_a_directory),
        TEST(test_odd_names_in_a_commit),
        TEST(test_crafted_trees),
        TEST(test_limits),
        TEST(test_deep_folders),
        TEST(test_unreadable_file),
        TEST(test_configuration_of_the_user_is_not_read),
        TEST(test_damaged_repository),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
