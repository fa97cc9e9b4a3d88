// SQLite, out of libsqlite3.a: a hash of the rows that each query answers with, and of the database's
// own bytes.

#include <sqlite3.h>
#include "check.h"

static int row(void *hash, int columns, char **values, char **names) {
    (void)names;
    for (int i = 0; i < columns; i++) {
        const char *value = values[i] ? values[i] : "NULL";
        *(uint64_t *)hash = fnv(*(uint64_t *)hash, value, strlen(value) + 1);
    }
    return 0;
}

int main(void) {
    static const char *const queries[] = {
        "CREATE TABLE number (n INTEGER PRIMARY KEY, half REAL, word TEXT)",
        "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < 8000) "
        "INSERT INTO number SELECT n, n / 2.0, printf('%x-%08.3f', n * 2654435761, n / 7.0) FROM count",
        "CREATE INDEX by_word ON number (word)",
        "UPDATE number SET half = half * 1.1 WHERE n % 3 = 0",
        "DELETE FROM number WHERE n % 7 = 0",
        "SELECT count(*), sum(half), avg(n), min(word), max(word), total(half / 3) FROM number",
        "SELECT substr(word, 1, 2) AS p, count(*), round(sum(half), 6) FROM number GROUP BY p ORDER BY 2, 1",
        "SELECT a.n, b.word FROM number a JOIN number b ON b.n = a.n * 2 WHERE a.word > 'f' ORDER BY a.word",
        "SELECT word LIKE '%5%', half BETWEEN 10 AND 1e3, n | 5, n << 3, -half FROM number",
        "VACUUM",
        "PRAGMA integrity_check",
    };
    sqlite3 *base;
    char name[16];
    must(sqlite3_open(":memory:", &base) == SQLITE_OK, "sqlite3_open");
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        uint64_t hash = 0;
        must(sqlite3_exec(base, queries[i], row, &hash, NULL) == SQLITE_OK, queries[i]);
        snprintf(name, sizeof name, "query-%zu", i);
        check("database", name, &hash, sizeof hash);
    }
    sqlite3_int64 size = 0;
    unsigned char *bytes = sqlite3_serialize(base, "main", &size, 0);
    must(bytes != NULL, "sqlite3_serialize");
    check("database", "bytes", bytes, (size_t)size);
    return 0;
}
