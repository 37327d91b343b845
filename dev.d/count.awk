# Sums a CTest JUnit file to "PASSED FAILED SKIPPED". A test that prints cmocka's closing
# lines counts by its cases; a test that failed without a failed case (a crash, a time-out) is one.
function close_case() {
    if (!open_case) return
    if (status == "notrun" || status == "disabled") skipped++
    else {
        passed += cases_passed; failed += cases_failed; skipped += cases_skipped
        if (status == "fail" && cases_failed == 0) failed++
        if (status == "run" && cases_passed + cases_failed + cases_skipped == 0) passed++
    }
    open_case = 0
}
/<testcase / {
    close_case()
    open_case = 1; cases_passed = cases_failed = cases_skipped = 0
    status = $0; sub(/.* status="/, "", status); sub(/".*/, "", status)
}
/\[  PASSED  \] [0-9]+ test\(s\)\./ { sub(/.*\] /, ""); cases_passed += $1 }
/\[  FAILED  \] [0-9]+ test\(s\), listed/ { sub(/.*\] /, ""); cases_failed += $1 }
/\[  SKIPPED \] [0-9]+ test\(s\), listed/ { sub(/.*\] /, ""); cases_skipped += $1 }
END { close_case(); print passed + 0, failed + 0, skipped + 0 }
