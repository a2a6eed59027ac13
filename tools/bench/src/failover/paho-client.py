"""Runs the measured clients of Eclipse Paho for Python: reads commands from stdin and prints answers (see protocol.ts).

Paho supports one server. The program therefore sets the next server of the list when a connection ends. The wait of one
second before the reconnect is Paho's default.
"""

import json
import sys
import threading
import time

try:
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    from paho.mqtt.subscribeoptions import SubscribeOptions
except ImportError:
    print(json.dumps({"type": "error", "message": "not installed"}), flush=True)
    sys.exit(0)

NAME = "paho"
KEEPALIVE_SECONDS = 2
SESSION_EXPIRY_SECONDS = 60
OPEN_SECONDS_MAX = 15
TICK_SECONDS = 0.005

lock = threading.Lock()
events = {}
numbers = {}
sent = 0


def record(role, number=None):
    series = f"{NAME}: {role}"
    with lock:
        events.setdefault(series, []).append(time.monotonic_ns() / 1e6)
        if number is not None:
            numbers.setdefault(series, []).append(number)


class Measured:
    def __init__(self, command, role):
        self.servers = command["servers"]
        self.position = 0
        self.ready = threading.Event()
        self.label = command["label"]
        # Paho 2.x requires the version of the callback API as the first argument; Paho 1.x does not accept it.
        version = [mqtt.CallbackAPIVersion.VERSION1] if hasattr(mqtt, "CallbackAPIVersion") else []
        self.client = mqtt.Client(*version, client_id=f"{self.label}-{NAME}-{role}", protocol=mqtt.MQTTv5)
        self.client.on_connect = self.on_connect
        self.client.on_disconnect = self.on_disconnect
        self.client.on_connect_fail = lambda *_: self.next_server()
        self.client.on_publish = lambda *_: record("publisher")
        self.client.on_message = self.on_message
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.subscribes = role == "subscriber"

    def aim(self):
        server = self.servers[self.position % len(self.servers)]
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_SECONDS
        self.client.connect_async(
            server["host"], server["port"], KEEPALIVE_SECONDS, properties=properties
        )

    def next_server(self):
        self.position += 1
        self.aim()

    def on_connect(self, client, _userdata, _flags, reason, _properties=None):
        if int(getattr(reason, "value", reason)) != 0:
            return
        if self.subscribes and not self.ready.is_set():
            topics = [(f"failover/{self.label}/feed/{qos}", SubscribeOptions(qos=qos)) for qos in (0, 1)]
            client.subscribe(topics)
        else:
            self.ready.set()

    def on_disconnect(self, _client, _userdata, reason, _properties=None):
        if self.servers:
            self.next_server()

    def on_message(self, _client, _userdata, message):
        role = "subscriber QoS 0" if message.topic.endswith("/0") else "subscriber QoS 1"
        record(role, int(message.payload))

    def open(self):
        self.aim()
        self.client.loop_start()

    def close(self):
        self.servers = []
        self.client.disconnect()
        self.client.loop_stop()


def publish_steadily(measured, rate, stopped):
    global sent
    topic = f"failover/{measured.label}/own/{NAME}"
    started = time.monotonic()
    done = 0
    while not stopped.wait(TICK_SECONDS):
        due = int((time.monotonic() - started) * rate)
        while done < due:
            measured.client.publish(topic, str(done), qos=1)
            done += 1
            sent = done


class Round:
    def __init__(self, command):
        self.measured = [Measured(command, role) for role in ("publisher", "subscriber")]
        self.stopped = threading.Event()
        for measured in self.measured:
            measured.open()
        for measured in self.measured:
            if not measured.ready.wait(OPEN_SECONDS_MAX):
                raise RuntimeError(f"{NAME} is not connected after {OPEN_SECONDS_MAX} s")
        self.thread = threading.Thread(
            target=publish_steadily, args=(self.measured[0], command["rate"], self.stopped), daemon=True
        )
        self.thread.start()

    def rest(self):
        self.stopped.set()
        self.thread.join()

    def close(self):
        self.rest()
        for measured in self.measured:
            measured.close()


def take():
    global events
    with lock:
        taken, events = events, {}
    return taken


def tally():
    with lock:
        return {"type": "tally", "sent": {NAME: sent}, "received": dict(numbers)}


def clear():
    global numbers, sent
    take()
    with lock:
        numbers, sent = {}, 0


def main():
    current = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["type"] == "open":
                current = Round(command)
                answer = {"type": "opened"}
            elif command["type"] == "look":
                answer = {"type": "events", "events": take()}
            elif command["type"] == "rest":
                if current is not None:
                    current.rest()
                answer = {"type": "rested"}
            elif command["type"] == "tally":
                answer = tally()
            else:
                if current is not None:
                    current.close()
                current = None
                clear()
                answer = {"type": "closed"}
        except Exception as error:  # the bench decides how to handle it
            answer = {"type": "error", "message": f"{NAME}: {error}"}
        print(json.dumps(answer), flush=True)


main()
