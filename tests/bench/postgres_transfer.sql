\set n :n + 1
\set high :run + :client_id
\set debit random(1, :accounts)
\set credit 1 + (:debit + random(0, :accounts - 2)) % :accounts
\set amount random(128, 16000)
SELECT transfer(:high, :n, :debit, :credit, :amount);
