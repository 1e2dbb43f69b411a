"""What a Tello must not be told to do: each rule once, told to the model and enforced by the skills."""

from harness.simulation import Rule
from harness.simulation.rules import ALONE

HOVER = 80  # cm, about where takeoff ends
LOWEST, HIGHEST = 20, 1000  # cm above the ground; project policy: below and above them its sensors do not hold it
UNDER_CEILING = 50  # cm that stay free above it; project policy
BATTERY = 20  # percent, without which it takes off and flies nowhere; project policy
ALONE_SECONDS = 15.0  # after which the firmware lands without a command (SDK 2.0 User Guide)
NEAR = 20  # cm: `go` refuses a goal less than this away along every axis (the same)


_OFF, _LAND, _AHEAD = "self.tello.takeoff()", "self.tello.land()", "self.tello.move_forward(x=100)"
_HOVER = "self.wait(seconds=10.0)"

RULES = {
    "R501": Rule(
        "not in the air",
        "On the ground the drone can neither fly, turn nor land: takeoff comes first.",
        "It answers with an error, and djitellopy raises an exception.",
        (_AHEAD,),
        (_OFF, _AHEAD, _LAND),
    ),
    "R502": Rule(
        "already in the air",
        "No takeoff in the air.",
        "It answers with an error, and djitellopy raises an exception.",
        (_OFF, _OFF, _LAND),
        (_OFF, _LAND),
    ),
    "R503": Rule(
        "too low or too high",
        f"takeoff ends {HOVER} cm above the ground. Flights end between {LOWEST} and {HIGHEST} cm above it, and"
        f" {UNDER_CEILING} cm or more below a ceiling of which the command tells.",
        "Close to the ground it is pushed about by its own wind, and far above it its sensors do not hold it.",
        (_OFF, "self.tello.move_down(x=100)", _LAND),
        (_OFF, "self.tello.move_down(x=40)", _LAND),
    ),
    "R504": Rule(
        "left in the air",
        "A list that takes off also lands.",
        "Without commands it comes down by itself after 15 seconds, wherever it is.",
        (_OFF, _AHEAD),
        (_OFF, _AHEAD, _LAND),
    ),
    "R505": Rule(
        "battery too low",
        f"Below {BATTERY}% battery the drone takes off, flies and turns no more; it only lands.",
        "It may lose power on the way.",
        (_OFF, _LAND),
        ("self.decline(reason='The battery is too low to take off.')",),
        start={"battery": BATTERY - 5},
    ),
    "R506": Rule(
        "no video stream",
        "take_picture needs the video stream: streamon before the first, unless it is said to run.",
        "Without it no frame arrives.",
        ("self.take_picture()",),
        ("self.tello.streamon()", "self.take_picture()"),
    ),
    "R507": Rule(
        "too long without a command",
        "In the air no more than 15 seconds are waited in a row: send_keepalive between longer waits.",
        "The firmware lands the drone after 15 seconds without a command.",
        (_OFF, _HOVER, _HOVER, _LAND),
        (_OFF, _HOVER, "self.tello.send_keepalive()", _HOVER, _LAND),
    ),
    "R508": Rule(
        "a goal too near",
        f"Of x, y and z of go_xyz_speed one at least is {NEAR} or more, or -{NEAR} or less.",
        "It answers with an error where all three lie between.",
        (_OFF, "self.tello.go_xyz_speed(x=10, y=10, z=0, speed=50)", _LAND),
        (_OFF, "self.tello.go_xyz_speed(x=50, y=10, z=0, speed=50)", _LAND),
    ),
    "R516": ALONE._replace(
        wrong=(_OFF, _LAND, "self.ask_operator(question='And then?')"),
        right=("self.ask_operator(question='How far should I fly?')",),
    ),
}
