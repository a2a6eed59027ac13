"""Runs one step of the session test with the Eclipse Paho client and prints the result as one line of JSON.

Usage: paho-session.py STEP VERSION HOST PORT CLIENT-ID COUNT [CA-FILE USER]
  STEP     subscribe: opens a persistent session, subscribes to session/1 (QoS 1) and session/2 (QoS 2), disconnects
           publish:   publishes COUNT numbered messages to each of the two topics
           resume:    continues the session and receives 2 x COUNT messages
  VERSION  4 (MQTT 3.1.1) or 5 (MQTT 5.0)
  CA-FILE  connects over TLS, and verifies the server by this authority
  USER     presents this user name and the password in the environment variable PAHO_PASSWORD
"""

import json
import os
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

TIMEOUT_SECONDS = 30
STEP, VERSION, HOST, PORT, CLIENT_ID, COUNT, *ACCESS = sys.argv[1:]
IS_MQTT5 = VERSION == "5"


def create_client():
    if IS_MQTT5:
        return mqtt.Client(CLIENT_ID, protocol=mqtt.MQTTv5)
    return mqtt.Client(CLIENT_ID, clean_session=False, protocol=mqtt.MQTTv311)


def connect(client):
    """Connects and returns the Session Present flag of the CONNACK."""
    connected = threading.Event()
    answer = {}

    def on_connect(_client, _userdata, flags, reason, _properties=None):
        answer["present"] = flags["session present"]
        answer["reason"] = reason if isinstance(reason, int) else reason.value
        connected.set()

    client.on_connect = on_connect
    if ACCESS:
        ca_file, user = ACCESS
        client.tls_set(ca_file)
        client.username_pw_set(user, os.environ["PAHO_PASSWORD"])
    if IS_MQTT5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        client.connect(HOST, int(PORT), clean_start=False, properties=properties)
    else:
        client.connect(HOST, int(PORT))
    client.loop_start()
    if not connected.wait(TIMEOUT_SECONDS):
        sys.exit("the server sent no CONNACK")
    if answer["reason"] != 0:
        sys.exit(f"the server refused the connection with code {answer['reason']}")
    return answer["present"]


def subscribe(client):
    subscribed = threading.Event()
    client.on_subscribe = lambda *_: subscribed.set()
    present = connect(client)
    client.subscribe([("session/1", 1), ("session/2", 2)])
    if not subscribed.wait(TIMEOUT_SECONDS):
        sys.exit("the server sent no SUBACK")
    return {"present": present}


def publish(client):
    present = connect(client)
    for number in range(int(COUNT)):
        for qos in (1, 2):
            client.publish(f"session/{qos}", str(number), qos=qos).wait_for_publish(TIMEOUT_SECONDS)
    return {"present": present}


def resume(client):
    received = []
    complete = threading.Event()

    def on_message(_client, _userdata, message):
        received.append([message.topic, int(message.payload), message.qos])
        if len(received) >= 2 * int(COUNT):
            complete.set()

    client.on_message = on_message
    present = connect(client)
    complete.wait(TIMEOUT_SECONDS)
    return {"present": present, "received": received}


client = create_client()
result = {"subscribe": subscribe, "publish": publish, "resume": resume}[STEP](client)
client.disconnect()
client.loop_stop()
print(json.dumps(result))
