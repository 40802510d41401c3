"""Changes of every kind, at random, for histories to be cut."""

from __future__ import annotations

import random

from google.protobuf.timestamp_pb2 import Timestamp
from tests.proto import engine_pb2 as pb

import treering


def large_network(devices: int = 60) -> pb.Network:
    """Return a tree with containers of several levels, and with children that stand by themselves."""
    made = pb.Network(name="large")
    for number in range(devices):
        device = made.devices.add(name=f"d{number:03}", vendor="v" * (number % 50))
        if number % 7 == 0:
            device.image = bytes([number % 256]) * 700
            for port in range(number % 30):
                device.ports.add(number=port, label="p" * 40).flows.add(id=port)
    for number in range(30):
        made.sites[f"s{number}"].address = "a" * (number * 30)
        made.rules.add(text=f"rule {number % 3}" * 8)
    made.settings.banner = "b" * 600
    made.settings.fallback.banner = "c" * 700
    return made


class Changer:
    """Edits a store at random, from few values: content returns, and children are equal."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def device(self) -> pb.Device:
        chance = self.chance
        made = pb.Device(name=f"d{chance.randrange(40):03}", vendor="v" * chance.choice([0, 9, 300]))
        made.image = b"i" * chance.choice([0, 0, 400, 900])
        for number in chance.sample(range(12), chance.choice([0, 0, 3, 12])):
            port = made.ports.add(number=number, label="p" * chance.choice([0, 60]))
            port.flows.extend(pb.Flow(id=identity) for identity in range(chance.choice([0, 2, 20])))
        return made

    def change(self, repo: treering.Repository) -> None:
        """Make one edit, which may turn out to change nothing."""
        chance = self.chance
        names = repo.keys("/devices")
        kind = chance.randrange(9)
        device = self.device()
        if kind == 0 and names:
            repo.remove(("devices", chance.choice(names)))
        elif kind == 1:
            repo.update("/settings", pb.Settings(mtu=chance.randrange(3), banner="b" * chance.choice([0, 600])))
        elif kind == 2 and repo.exists("/settings"):
            repo.clear("/settings")
        elif kind == 3:
            self.change_sites(repo)
        elif kind == 4:
            repo.update("/", pb.Network(name=chance.choice("xyz")))
        elif kind == 5:
            repo.replace("/changed", Timestamp(seconds=chance.randrange(3)))
        elif kind == 6 and names:
            self.change_ports(repo, chance.choice(names))
        elif device.name in names:
            repo.replace(("devices", device.name), device)
        else:
            repo.add("/devices", device)

    def change_sites(self, repo: treering.Repository) -> None:
        with repo.transaction() as transaction:
            for name in self.chance.sample("abc", 2):
                site = pb.Site(address="x" * self.chance.choice([1, 600]))
                if transaction.exists(("sites", name)):
                    transaction.replace(("sites", name), site)
                else:
                    transaction.add("/sites", site, key=name)

    def change_ports(self, repo: treering.Repository, name: str) -> None:
        number = self.chance.randrange(12)
        path = treering.Path("devices", name, "ports")
        if repo.exists(path / number):
            repo.remove(path / number)
        else:
            repo.add(path, pb.Port(number=number, label="p" * self.chance.choice([0, 600])))
