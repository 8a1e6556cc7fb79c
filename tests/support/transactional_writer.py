"""Writes transactions into a topic, some of them aborted, and dies in the middle of the last: run as a script.

Arguments: brokers, topic, transactional id, how many transactions. Before it dies it prints, as one line of JSON, the
values that were committed.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from kafka import KafkaProducer

ABORTED_OF_TEN = 3
RECORDS = 20


def main(brokers: str, topic: str, transactional_id: str, transactions: int) -> None:
    producer = KafkaProducer(bootstrap_servers=brokers, transactional_id=transactional_id)
    producer.init_transactions()
    committed = []
    for number in range(transactions + 1):
        values = [f"{transactional_id} {number} {record}" for record in range(RECORDS)]
        producer.begin_transaction()
        for value in values:
            producer.send(topic, value.encode())
        producer.flush()
        if number == transactions:
            print(json.dumps(committed), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        elif number % 10 < ABORTED_OF_TEN:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
            committed += values


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
