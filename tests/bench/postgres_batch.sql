\set n :n + 1
\set high :run + :client_id
\set first :n * :batch
SELECT transfer_batch(:high, array_agg(CAST(:first AS bigint) + i), array_agg(debit),
                      array_agg(1 + (debit + step) % CAST(:accounts AS bigint)), array_agg(amount))
FROM (SELECT i, 1 + floor(random() * CAST(:accounts AS float8))::bigint AS debit,
             floor(random() * (CAST(:accounts AS float8) - 1))::bigint AS step,
             128 + floor(random() * 16000)::bigint AS amount
      FROM generate_series(1, CAST(:batch AS int)) AS i) AS made;
