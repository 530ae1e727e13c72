//! Joins, groups, windows and pages.

use super::check;

#[tokio::test]
async fn whole_questions_are_one_statement() {
    check(&[
        ("SELECT COUNT(*) FROM people AS p FULL JOIN shops AS s ON p.id = s.id", "8"),
        // A column without NULLs has some where an outer join fills it.
        (
            "SELECT s.id, p.id AS person FROM people AS s RIGHT JOIN (people AS p INNER JOIN people AS q \
             ON p.id = q.id) ON p.id = s.id AND s.id < 2 WHERE p.id < 3 ORDER BY p.id",
            "1|1\nNULL|2",
        ),
        // Groups are those of the collation, and blanks at the end do not count; exact ones say so.
        ("SELECT COUNT_BIG(*) FROM texts WHERE id IN (3, 4, 5) GROUP BY t", "3"),
        (
            "SELECT COUNT_BIG(*) FROM texts WHERE id IN (3, 4, 5) GROUP BY t COLLATE Latin1_General_BIN2 \
             ORDER BY 1",
            "1\n2",
        ),
        (
            "SELECT COUNT_BIG(*) FROM texts WHERE id IN (3, 4, 5) GROUP BY t COLLATE Latin1_General_BIN2, \
             DATALENGTH(t) ORDER BY t COLLATE Latin1_General_BIN2, DATALENGTH(t)",
            "1\n1\n1",
        ),
        (
            "SELECT CAST(t COLLATE Latin1_General_BIN2 AS nvarchar(max)) FROM texts WHERE id IN (3, 4) \
             GROUP BY t COLLATE Latin1_General_BIN2, DATALENGTH(t) \
             ORDER BY t COLLATE Latin1_General_BIN2, DATALENGTH(t)",
            "A\na",
        ),
        ("SELECT COUNT(DISTINCT t) FROM texts WHERE id IN (3, 4, 5)", "1"),
        (
            "SELECT COUNT_BIG(DISTINCT CAST(CAST(t AS nvarchar(max)) + N'.' AS varbinary(max))) FROM texts \
             WHERE id IN (3, 4, 5)",
            "3",
        ),
        (
            "SELECT x.n FROM (SELECT region, COUNT_BIG(*) AS n FROM people GROUP BY region) AS x \
             WHERE EXISTS (SELECT 1 FROM people AS p WHERE p.region = x.region) AND x.n > 1 ORDER BY x.n",
            "2\n5",
        ),
        ("SELECT id FROM people ORDER BY (SELECT NULL) OFFSET 7 ROWS FETCH NEXT 1 ROWS ONLY", "8"),
        (
            "SELECT x.id FROM (SELECT id FROM people WHERE id < 3 UNION ALL SELECT id FROM people WHERE id > 7) \
             AS x ORDER BY x.id",
            "1\n2\n8",
        ),
        (
            "SELECT id, SUM(CAST(id AS bigint)) OVER (PARTITION BY region, DATALENGTH(region) ORDER BY id \
             ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM people WHERE id < 3 ORDER BY id",
            "1|1\n2|2",
        ),
        ("SELECT AVG(CAST(id AS int)) FROM people WHERE id < 3", "1"),
        ("SELECT id FROM people ORDER BY id OFFSET 1 ROWS FETCH NEXT 0 ROWS ONLY", "error 10744"),
        ("SELECT id FROM people ORDER BY id OFFSET 1 ROWS LIMIT 1", "error 102"),
        ("SELECT id FROM people ORDER BY id, name, ID", "error 169"),
        ("SELECT ROW_NUMBER() OVER (PARTITION BY region) FROM people", "error 4112"),
        ("SELECT LAG(id) OVER () FROM people", "error 4112"),
        ("SELECT SUM(id) OVER (ROWS UNBOUNDED PRECEDING) FROM people", "error 10756"),
        ("SELECT SUM(CASE WHEN EXISTS (SELECT 1 FROM shops) THEN 1 END) FROM people", "error 130"),
        ("SELECT COUNT(*) FILTER (WHERE id > 1) FROM people", "error 102"),
        ("SELECT p.id FROM people AS p JOIN (people AS q JOIN shops AS s USING (id)) ON p.id = q.id", "error 102"),
        ("SELECT id = 1 AS x FROM (SELECT id > 1 AS y FROM people) AS z", "error 102"),
    ])
    .await;
}
