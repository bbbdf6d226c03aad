"""Words and phrases of mini's sentences; `{}` is the place of a name."""

TEMPLATES = (
    "{}", "a {}", "an image of {}", "a photo of {}", "an image of a {}", "a photo of a {}", "a picture of a {}",
    "a drawing of a {}", "one {}", "the {}", "a photo of the {}", "a rendering of a {}", "a close view of a {}",
)  # fmt: skip
OPENERS = (
    "a photo of", "an image of", "a picture of", "a snapshot of", "a painting showing", "a close-up of", "a view of",
    "a photograph capturing", "a careful study of", "a scene with", "a postcard with", "an old print of", "a sketch of",
    "a stunning image showing the details of", "a remarkable photograph of", "a portrait of", "the outline of", "we see",
    "there is", "look at", "imagine", "here stands", "a magazine cover with", "a picture that shows the features of",
)  # fmt: skip
DETERMINERS = ("a", "an", "the", "one", "this", "some", "my", "")
ADJECTIVES = (
    "majestic", "curious", "lonely", "bright", "quiet", "gentle", "proud", "shy", "famous", "ordinary", "beautiful", "shiny",
    "colorful", "vibrant", "playful", "graceful", "elegant", "sleepy", "clean", "dusty", "modern", "vintage", "classic",
    "rare", "common", "single", "perfect", "delicate", "sturdy", "rustic", "cheerful", "friendly", "fine", "broken", "new",
    "wild", "young", "old", "wet", "dry", "fresh", "plain", "magnificent", "adorable", "fluffy", "sleek", "mighty", "simple",
)  # fmt: skip
VERBS = (
    "standing", "resting", "sitting", "waiting", "shining", "lying", "posing", "moving", "floating", "leaning", "turning",
    "glowing", "hiding", "sleeping", "playing", "looking", "running", "hanging", "showing its colors", "ready for use",
    "seen from above", "seen from the side", "placed", "left", "kept", "perched", "captured", "surrounded", "basking",
)  # fmt: skip
ADVERBS = (
    "calmly",
    "gracefully",
    "proudly",
    "quietly",
    "alone",
    "softly",
    "slowly",
    "neatly",
    "peacefully",
    "still",
    "",
)
PREPOSITIONS = (
    "near",
    "beside",
    "behind",
    "under",
    "on",
    "with",
    "against",
    "above",
    "among",
    "in front of",
    "next to",
)
SCENE_PHRASES = ("on the {}", "in the {}", "at the {}", "by the {}", "in a {}", "with a {} behind it", "at {}")
STYLE_TEMPLATES = (
    "painting by {}", "artwork by {}", "style of {}", "Image in the style of {}", "Art inspired by {}", "{}",
    "Painting in the style of {}", "A reproduction of art by {}", "A famous artwork by {}", "a painting by {}",
    "an image in the style of {}", "a work by {}", "art by {}", "a print after {}", "an exhibition of {}",
)  # fmt: skip
STYLE_PHRASES = (  # after the thing that is shown
    ", in the style of {}", "in the style of {}", "by {}", ", painting by {}", ", artwork by {}", ", inspired by {}",
    ", style of {}", "as painted by {}", "after {}",
)  # fmt: skip
PERSON_TEMPLATES = (  # of a name that takes no determiner
    "{}", "a photo of {}", "an image of {}", "a portrait of {}", "a painting of {}", "a sketch of {}", "an oil painting of {}",
    "an image capturing {} at a public event", "{} in an official photo", "a picture of {}", "a photo of the face of {}",
)  # fmt: skip
PROFESSION_TEMPLATES = (
    "a photo of",
    "an image of",
    "a painting of",
    "a portrait of",
    "a drawing of",
    "a picture of",
    "",
)
PERSON_VERBS = (
    "working", "laughing", "smiling", "talking", "thinking", "giving a speech", "celebrating a birthday", "in a meeting",
    "in the workplace", "digital art", "in an official photo", "at a public event", "at work", "waving", "reading",
    "eating lunch", "having fun", "on a poster",
)  # fmt: skip
GENDERS = {  # words right before the name of a profession
    "female": "female",
    "male": "male",
    "a woman who is a": "female",
    "a man who is a": "male",
    "a woman working as a": "female",
    "a man working as a": "male",
}
JOINS = ("next to", "beside", "and", "to the left of", "to the right of")
SWAPPED = "to the right of"  # here the first named thing stands on the right
