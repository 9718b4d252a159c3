"""Participants by LiveKit's SDK for Python, driven by lines of JSON.

Each line on standard input is a request {"id", "do", ...}; each line on standard output its answer
{"id", "is"} or {"id", "error"}. A participant sends a small picture of its own colour and a tone, and counts
what it receives of the others: whose picture it is, is told by the colour, whatever the server says.
"""

import array
import asyncio
import json
import math
import sys

from livekit import rtc

WIDTH, HEIGHT = 160, 120
PIXELS = WIDTH * HEIGHT
FRAMES_PER_SECOND = 15
RATE = 48_000
TONE_HZ = 440
# What the SDK takes at once.
SAMPLES = RATE // 100
# Quieter than this is silence; the tone is at half of full scale.
AUDIBLE = 1_000


# Whose pictures have which blue-difference value (the U of YUV).
COLOURS = {}


class Person:
    def __init__(self):
        self.room = rtc.Room()
        self.frames = {}
        self.sounds = {}
        self.said = []
        self.moves = 0
        self.tasks = []
        self.receiving = {}
        self.room.on("track_subscribed", self.subscribed)
        self.room.on("track_unsubscribed", self.unsubscribed)
        self.room.on("data_received", self.hear)
        self.room.on("moved", self.moved)

    def subscribed(self, track, _publication, participant):
        video = track.kind == rtc.TrackKind.KIND_VIDEO
        count = self.watch(track) if video else self.listen(track, participant.identity)
        self.receiving[track.sid] = asyncio.create_task(count)

    def unsubscribed(self, track, _publication, _participant):
        if task := self.receiving.pop(track.sid, None):
            task.cancel()

    def hear(self, packet):
        sender = packet.participant.identity if packet.participant else None
        self.said.append([sender, packet.topic, packet.data.decode()])

    def moved(self):
        self.moves += 1

    async def watch(self, track):
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420):
            frame = event.frame
            colour = frame.data[frame.width * frame.height]
            who = min(COLOURS, key=lambda name: abs(COLOURS[name] - colour))
            self.frames[who] = self.frames.get(who, 0) + 1

    async def listen(self, track, who):
        async for event in rtc.AudioStream(track):
            if max(event.frame.data) > AUDIBLE:
                self.sounds[who] = self.sounds.get(who, 0) + 1

    async def join(self, url, token, single, colour):
        await self.room.connect(url, token, rtc.RoomOptions(single_peer_connection=single))
        camera = rtc.VideoSource(WIDTH, HEIGHT)
        microphone = rtc.AudioSource(RATE, 1)
        publish = self.room.local_participant.publish_track
        await publish(
            rtc.LocalVideoTrack.create_video_track("camera", camera),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA),
        )
        await publish(
            rtc.LocalAudioTrack.create_audio_track("microphone", microphone),
            rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE),
        )
        self.tasks.append(asyncio.create_task(film(camera, colour)))
        self.tasks.append(asyncio.create_task(hum(microphone)))

    def look(self):
        others = self.room.remote_participants
        return {
            "room": self.room.name,
            "others": sorted(others),
            "frames": self.frames,
            "sounds": self.sounds,
            "said": self.said,
            "moves": self.moves,
        }

    async def say(self, text, topic, reliable):
        await self.room.local_participant.publish_data(text, topic=topic, reliable=reliable)

    async def leave(self):
        for task in [*self.tasks, *self.receiving.values()]:
            task.cancel()
        await self.room.disconnect()


async def film(source, colour):
    """Frames of one colour whose brightness changes."""
    shade = 0
    while True:
        shade = (shade + 5) % 256
        data = bytes([shade]) * PIXELS + bytes([colour]) * (PIXELS // 4) + bytes([128]) * (PIXELS // 4)
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, data))
        await asyncio.sleep(1 / FRAMES_PER_SECOND)


async def hum(source):
    """A tone; the source's queue keeps the time."""
    at = 0
    while True:
        tone = array.array(
            "h",
            (
                int(16_000 * math.sin(2 * math.pi * TONE_HZ * (at + n) / RATE))
                for n in range(SAMPLES)
            ),
        )
        at += SAMPLES
        await source.capture_frame(rtc.AudioFrame(tone.tobytes(), RATE, 1, SAMPLES))


async def answer(people, request):
    what, who = request["do"], request["who"]
    if what == "join":
        person = people[who] = Person()
        COLOURS[who] = request["colour"]
        await person.join(request["url"], request["token"], request["single"], COLOURS[who])
    elif what == "say":
        await people[who].say(request["text"], request["topic"], request["reliable"])
    elif what == "leave":
        await people.pop(who).leave()
        del COLOURS[who]
    elif what == "look":
        return people[who].look()
    return None


async def main():
    people = {}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        request = json.loads(line)
        try:
            reply = {"is": await answer(people, request)}
        except Exception as error:  # told to the test, which fails by it
            reply = {"error": repr(error)}
        print(json.dumps({"id": request["id"], **reply}), flush=True)


asyncio.run(main())
