"""What is prepared for the readers of a channel while there is nothing to do: it leaves with the next message, once, and
is made anew."""

import re

from harness import wait_for
from push_readers import (Readers, make_crier, messages, read_message, sink, sink_program,  # noqa: F401 (fixtures)
                          story, until_done)


def prepared(readers, count):
    wait_for(lambda: readers.counts()["prepared"] == count, 60, what=f"{count} to be prepared", every=0.1)


def publics(sink):
    return {message["body"][21:86] for message in messages(sink)}


def test_a_message_is_prepared_once_for_each_reader(make_crier, sink):  # noqa: F811
    crier = make_crier()
    readers = Readers(crier, sink)
    readers.add(1200)  # more than two blocks
    for number in (1, 2):
        prepared(readers, 1200)
        until_done(crier, crier.send(story(number)))
    assert len(messages(sink)) == 2400
    assert len(publics(sink)) == 2400, "no pair of keys is used twice"
    for message in messages(sink)[::100]:
        assert read_message(message["body"])["notification"]["title"] in ("Story 1", "Story 2")
    made, = re.findall(r'crier_prepared_total{channel="browsers"} (\d+)', crier.call("GET", "/metrics")[1])
    assert int(made) >= 2400  # and perhaps a third time by now
