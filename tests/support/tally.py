"""Counts a test report in JUnit's form (ctest's, pytest's): prints "PASSED FAILED". A skipped test is
neither; a report without any test is a mistake."""

import sys
import xml.etree.ElementTree as xml


def count(path):
    passed = failed = 0
    for case in xml.parse(path).iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        if bad or case.get("status") == "fail":
            failed += 1
        elif case.find("skipped") is None:
            passed += 1
    return passed, failed


def main():
    try:
        passed, failed = count(sys.argv[1])
    except (OSError, xml.ParseError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    print(passed, failed)


if __name__ == "__main__":
    main()
