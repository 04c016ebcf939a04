"""English words of the synthetic tasks: parts of speech that their endings make certain, and words of every length.

Written for this project. A word's ending decides its part of speech: -ness and -ation make nouns, -ate, -ize and -ify
verbs, -ful, -less and -ous adjectives, -ly behind one of those three adverbs. Words that are used as another part of
speech as well (moderate, armful, kindly) are left out.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_QUALITIES = _words(
    "bright dark kind sad weak soft sharp sick thick quick fair fond firm bold cold blind calm clever eager great "
    "hard harsh loud mild moist neat numb polite rich rough rude short shy slow smooth strict sweet swift tame tender "
    "tight vague vast wet wild coarse dense dull faint fierce frank fresh gentle grand keen late lean like mad open "
    "pale plump prompt raw ripe sore stern stiff stout strange thin tough"
)
_ACTS = _words(
    "accelerate activate aggravate agitate allocate calculate captivate celebrate circulate communicate contaminate "
    "cooperate create cultivate decorate demonstrate dominate donate educate elevate eliminate escalate evaluate "
    "excavate fabricate fascinate frustrate generate germinate hesitate hibernate illuminate illustrate imitate "
    "indicate innovate integrate investigate irritate levitate liberate locate lubricate meditate migrate motivate "
    "narrate navigate nominate obliterate operate orchestrate participate penetrate refrigerate regulate relocate "
    "renovate rotate simulate speculate stimulate suffocate terminate tolerate ventilate vibrate violate"
)
_CHANGES = _words(
    "agonize apologize authorize baptize capitalize categorize centralize civilize colonize computerize criticize "
    "crystallize economize emphasize energize equalize familiarize fertilize finalize generalize harmonize hypnotize "
    "idolize legalize memorize minimize mobilize modernize monopolize organize penalize realize recognize specialize "
    "stabilize standardize sterilize summarize symbolize sympathize terrorize utilize vaporize visualize amplify "
    "beautify certify clarify classify dignify diversify electrify exemplify falsify fortify glorify gratify horrify "
    "identify intensify justify magnify modify mystify notify nullify pacify personify purify qualify ratify rectify "
    "sanctify signify simplify solidify specify terrify testify unify verify"
)

ADJECTIVES = _words(
    "bashful beautiful blissful boastful bountiful careful cheerful colorful deceitful delightful disgraceful "
    "doubtful dreadful faithful fateful fearful forceful forgetful fruitful graceful grateful harmful hateful helpful "
    "hopeful joyful lawful meaningful merciful mindful painful peaceful playful plentiful powerful purposeful "
    "regretful resentful respectful rightful scornful shameful skillful sorrowful spiteful stressful successful "
    "tactful tasteful tearful thankful thoughtful truthful useful wasteful watchful wishful wonderful youthful "
    "zestful boundless breathless careless effortless endless faithless faultless fearless flawless graceless "
    "harmless heartless helpless hopeless joyless lawless lifeless merciless needless noiseless painless pointless "
    "powerless reckless relentless restless ruthless seamless selfless senseless shameless sleepless soundless "
    "speechless spotless tactless tasteless thankless thoughtless timeless tireless useless voiceless weightless "
    "wordless worthless ambitious anxious cautious courageous curious dangerous delicious enormous envious fabulous "
    "famous ferocious furious generous glorious gorgeous gracious harmonious hazardous hilarious humorous industrious "
    "infamous ingenious jealous joyous laborious luminous luxurious marvelous melodious miraculous monstrous "
    "mysterious nervous notorious numerous obvious ominous outrageous perilous pious poisonous precious prosperous "
    "rebellious ridiculous rigorous scandalous serious spacious strenuous studious suspicious tedious treacherous "
    "tremendous vicious victorious vigorous virtuous wondrous zealous"
)
ADVERBS = tuple(f"{word}ly" for word in ADJECTIVES)
NOUNS = (*(f"{word}ness" for word in dict.fromkeys(_QUALITIES)), *(f"{word.removesuffix('e')}ion" for word in _ACTS))
VERBS = (*_ACTS, *_CHANGES)

# By length, 3 to 10 letters; whatever parts of speech they are.
_PLAIN = _words(
    "add age ago air ant arm art ask bad bag bay bed bee big box boy bus buy cap car cat cow cry cup cut day dig dog "
    "dry ear eat egg end eye far fat few fig fit fly fog fox fun gas hat hay hen ice ink jam jar key leg lid log map "
    "mud net nut oak oil old able acid aunt baby back ball band bank bath bean bear belt bird blue boat body bone "
    "book boot bowl cage cake calf camp card cave city clay coal coat coin cook corn crab dawn deer desk door drum "
    "duck dust farm fish flag foot frog gate goat gold hand hill horn iron lake lamp leaf actor adult agree alarm "
    "album angle apple apron beach beard berry blade bread brick broom brush cabin camel candy canoe chain chair "
    "chalk cheek chess child clock cloth cloud coast couch cream crown dance dream dress eagle earth elbow fence "
    "field flame flute fruit ghost giant glass glove grape grass horse house knife lemon light acorns anchor animal "
    "artist autumn bakery ballet banana barrel basket beetle blouse border bottle branch breeze bridge bronze bubble "
    "bucket button camera candle canyon carpet castle cattle cellar cereal cherry circle cotton cousin danger dinner "
    "doctor dragon drawer engine family farmer feather flower forest garden hammer island jacket kettle account "
    "airport almonds anthill article balcony balloon bargain battery bedroom beehive bicycle biscuit blanket bonfire "
    "bouquet cabbage cabinet captain cartoon ceiling century chapter cheetah chicken chimney circuit coconut compass "
    "concert cottage country courage cricket curtain customs dentist diamond diploma drawing evening factory failure "
    "fiction fireman gallery giraffe glacier grammar harvest holiday journey kitchen lantern leather library alphabet "
    "aquarium backpack bacteria baseball bathroom birthday boundary building calendar cardinal catalogs children "
    "cinnamon climbing cocktail compound computer corridor daughter daylight december dinosaur director distance "
    "doorbell elephant engineer envelope february festival fountain fraction fragment hospital keyboard landlord "
    "language lavender magazine mountain neighbor notebook ornament painting passport platform sandwich shoulder "
    "sunlight treasure adventure afternoon alligator apartment astronaut ballerina barometer basements beginning "
    "blackbird blueprint breakfast butterfly buttercup candidate cardboard carpenter cathedral celebrity character "
    "chocolate cigarette classroom committee crocodile curiosity dandelion detective direction discovery dragonfly "
    "education furniture geography goldfish hamburger invention landscape limestone medicine mushrooms newspaper "
    "orchestra passenger pineapple professor raspberry scientist signature snowflake spaghetti telephone vegetable "
    "waterfall workshops yesterday accountant background basketball binoculars blackberry bookseller caterpillar "
    "collection commercial conference connection dictionary earthquake electrician exhibition experiment friendship "
    "generation government graduation helicopter horseshoes importance instrument laboratory literature lighthouse "
    "locomotive microscope millennium monastery motorcycle parliament peppermint percentage playground population "
    "prediction profession restaurant settlement skyscraper strawberry submarines technology television thermostat "
    "toothbrush trampoline university vocabulary watermelon woodpecker xylophones"
)
WORDS = tuple(dict.fromkeys((*_PLAIN, *ADJECTIVES, *NOUNS, *VERBS)))
