"""Given names that stand for each other: short forms and the same name in several languages.

One line is one group; an indented line goes on. A name may stand in several groups (Alex, Sasha,
Pat); two names are related when they share one. Feminine and masculine forms are separate names.
"""

from __future__ import annotations

_GROUPS = """
abigail abby gail
neal neil
shaun shawn sean
vivian vivien vivienne
lynn lynne lyn linda
hanna hannah johanna
glen glenn glyn
jean jeanne jeannie
brian bryan bryant
elliot eliot elliott
abraham abe avraham ibrahim ebrahim bram
adam addy
derek derrick derick
alan allan allen alun
albert al bert alberto albrecht bertie
alexander alex al alec xander sandy sasha alexandre alejandro alessandro aleksandr oleksandr
  alexandr aleksander sandro
alexandra alex sandra sandy sasha aleksandra alejandra alessandra lexi
alexei alexey aleksei aleksey oleksii oleksiy alyosha lyosha alexis
alfred al fred alfredo alf
amanda mandy
andrew andy drew andre andrea andreas andrei andrey andrzej andriy andrii anders andres andrej
anna ann anne annie anya ana hannah anita annette
anthony tony antonio anton antoine antoni ant antony
antonia toni tonia
arnold arnie arnaud
arthur art artie arturo artur
barbara barb babs barbie varvara
bartholomew bart bartolomeo
benedict ben benedetto benedikt
benjamin ben benny benji binyamin
bernard bernie bernhard bernardo
beverly bev
bradley brad
caroline carol carrie carolyn carolina karolina
catherine katherine kathryn kate katie kathy cathy kat kitty kay catalina caterina ekaterina
  katarina katharina yekaterina katya
charles charlie chuck chas carlos carlo karl carl karol chip
charlotte lottie charlie carlotta
christian chris christiaan cristian kristian
christina christine chris chrissy tina cristina kristina kirsten krystyna
christopher chris kit topher christoph christophe cristobal cristoforo krzysztof
clifford cliff
constantine konstantin costas kostas kostya dinos
cynthia cindy
daniel dan danny daniele danilo
david dave davy davide dawid
deborah debra deb debbie
dennis denis denny
diana diane di
dmitry dmitri dmitriy dmytro dima dimitri dimitrios dimitris
dominic dom nick dominik domenico domingo
donald don donnie
dorothy dot dottie dolly dorothea dora
douglas doug
edgar ed edgardo
edmund ed eddie ted edmond edmondo
edward ed eddie ned ted teddy eduardo edouard edoardo eduard
eleanor ellie nell nora elena leonora
elias elijah eli ilya ilias elie
elizabeth elisabeth liz lizzie beth betty bess eliza elsie lisa libby elisabetta isabel ella
  elise lisbeth
emily em emilie emilia
emmanuel emanuel manny manuel manolo
eric erik rick erich eirik
ernest ernie ernesto ernst
ester esther hester
eugene gene eugenio evgeny evgeniy yevgeny yevgeniy evgenii zhenya
evelyn eve evie
florence flo flora
frances fran francesca francisca francoise fanny
francis frank fran francesco francisco francois franz frans paco pancho franciszek
franklin frank
frederick fred freddie fritz frederic federico friedrich fridrich fredrik fryderyk rick
gabriel gabe gabriele
gabrielle gabriela gaby
geoffrey jeffrey jeff geoff jeffery gottfried
george georgie georg jorge giorgio georges jerzy jurgen yuri yuriy yurii georgy georgi georgios
  yorgos jiri juraj
gerald gerry jerry gerard gerardo gerhard
gilbert gil bert gilberto
gregory greg gregorio grigory grigori grigoriy gregor grzegorz hryhorii
harold harry hal harald
helen helena elena olena ellen nell nelly yelena lena helene ilona
henry harry hank hal henri enrique enrico heinrich hendrik henrik henryk rico heinz
herbert herb bert heribert
howard howie
hubert bert hugh huberto
hugh hugo ugo hughie
ignatius ignacio nacho ignazio ignace
igor ihor
ilya illia ilia
isaac ike yitzhak izaak itzhak
isabella isabel bella izzy isabelle ysabel
ivan john vanya
jacob jake jakob jacques iago yakov yaakov jakub giacobbe coby
james jim jimmy jamie jaime diego santiago giacomo iago jacques seamus
jane janie jean joan jeanne
janet jan
jason jay
jennifer jen jenny jenn
jeremy jerry jeremiah
jerome jerry geronimo hieronymus
jessica jess jessie
joanna jo joanne joan johanna giovanna juana ioanna
john jack johnny jon johan johann johannes jean juan joao giovanni ian sean shaun ivan jan hans
  janos ioannis yannis ioan evan jens hannes jackie joannes
jonathan jon john jonny yonatan
joseph joe joey jose giuseppe josef jozef yusuf yosef pepe beppe iosif osip youssef yousef josip
joshua josh
judith judy judie
julia julie giulia juliette yulia iulia
julian jules giuliano julien juliano
kenneth ken kenny
kimberly kim kimberley
lawrence laurence larry lorenzo laurent lorenz lars laurie lavrenti
leo leon lev leonid leonard leopold leonardo lenny leonardus
leslie les
louis lou louie luis luigi lewis ludwig lodewijk ludovic luiz ludovico
lucas luke luca lukas luc luka
lucy lucia lucie luz
madeline maddie magdalena madeleine magda lena
margaret maggie meg peggy marge margie greta rita margarita marguerite margherita margarethe
  gretchen daisy peg
mark marc marco marcus marcos markus marek marko
martin marty martino marten
mary marie maria mariya molly polly mia mariam maryam miriam marija maryia
matthew matt matthias matteo mateo mathieu matthieu matti mateusz matvei mats matty
maurice mauricio maurizio moritz mo
maximilian max massimiliano massimo maxim maksim maksym
melissa mel missy lissa
michael mike mick mickey mikey michel miguel michele mikhail misha micha michal mihai mikael
  mykhailo mihail mikel mitch
michelle shelly micheline
mitchell mitch
mohammed mohammad muhammad mohamed mohamad muhammed mehmet mohd mo muhamad magomed mahomet
  mamadou maxamed
nancy nan anne
natalie nat natalia nataliya natalya natasha nathalie
nathan nate nat nathaniel
nicholas nick nicky nicolas nikolai nikolay mykola nicola niccolo nikos nikolaos klaus claus
  nicolaas nils niels mikolaj nico kolya
norman norm
oliver ollie olivier oliviero
olivia liv livvy
oscar oskar
pamela pam
patricia pat patty trish tricia patrizia
patrick pat paddy patricio patrizio patryk
paul paolo pablo pavel pawel paulo pauli pol pavlo paulus
penelope penny
peter pete petr petro pedro pietro pierre piotr pyotr petros petar piet per peder
philip phillip phil felipe filippo philippe filip
phyllis phil
rachel rachael rae raquel
ralph raoul raul
raymond ray raimundo raymundo raimondo
rebecca becky becca rebekah rivka
regina gina reggie
reginald reg reggie
richard rich rick dick ricky richie ricardo riccardo ryszard
robert bob rob bobby robbie bert roberto rupert robin
roger rog ruggero rodrigo rogelio
roland orlando rolando rolf
ronald ron ronnie ronaldo
rosemary rose rosie
rudolf rudolph rudy rodolfo
russell russ rusty
samantha sam
samuel sam sammy samuele shmuel
sarah sara sally sadie
sergei sergey serge sergio serhii serhiy sergii sergej sergi
sheila sheilagh
silvester sly silvestre
simon simeon shimon simone semyon
solomon sol shlomo suleiman sulaiman suleyman salomon
stanley stan stanislav stanislaw
stephanie steph stefania stephany
stephen steven steve stefan stefano stephan esteban etienne stepan steffen stephane stevie
  istvan szczepan
stuart stewart stu
susan sue susie suzanne suzie susanna susana zuzanna shoshana
tatiana tatyana tetiana tetyana tanya tania
teresa theresa terry tess tessa terri therese tere
terence terrence terry
theodore ted teddy theo fyodor fedor feodor teodoro theodor theodoros fedir
thomas tom tommy tomas tommaso tomasz thom foma
timothy tim timmy timofey timofei timo
tobias toby tobiah
valentina val tina
valery valeri valeriy val valerii
veronica ronnie vera nica veronika
victor vic viktor vittorio vitya
victoria vicky vic tori viktoria vittoria viktoriya
vincent vince vinnie vicente vincenzo vincenz wincenty
virginia ginny ginger
vladimir vlad volodymyr vova wladimir volodya wolodymyr
vladislav vlad vladyslav wladyslaw
walter walt wally gualtiero
wilhelmina mina wilma willa minnie
william bill billy will willy willie wilhelm guillermo guillaume guglielmo liam willem vilhelm
yevgenia evgenia eugenia zhenya
zachary zach zack zac zachariah zacharias
abdullah abdallah abdulla abdellah
ahmed ahmad achmed akhmed akhmad akhmet
aisha ayesha aicha
ali aly
fatima fatma fatemeh fatimah
hassan hasan
hussein husain hussain husayn hossein hussin huseyin
khalid khaled halid
mahmoud mahmud mehmood mahmood
mustafa mostafa moustafa mustapha
omar umar omer
osman usman othman uthman
yusuf yousuf yousef youssef yusef joseph
zainab zeinab zaynab zeynep
guadalupe lupe lupita
jose pepe chepe
ignacia nacha
rosario charo
concepcion concha conchita
dolores lola
mercedes merche
enrique quique kike
giovanni gianni vanni nino
luigi gigi
giuseppe beppe peppe pino
salvatore toto turi
johannes hans hannes jo joop
wilhelmus wim willem
cornelis kees cor
gerardus gerrit geert gerard
jacobus koos jaap sjaak
magdalene lena leni
sebastian seb basti sebastien sebastiano bas
ferdinand fernando hernando ferdi nando fernand
rajesh raj
rajendra raj rajan
krishnan krish krishna
subramanian subbu mani
venkatesh venkat venky
"""

# Common given names without a group: two known names that are not related are two persons, even
# one letter apart (Erin and Eric).
_ALONE = """
aaron ada adele adrian adriana agnes aiden alan alana alana alba aldo alice alicia alina alison
allan allen allison alma alvin alyssa amber amelia amir amy andreas angel angela angelo angie
ariel arlene arnav arjun arthur ashley asia audrey aurora austin ava barry beatrice becca bella
bianca blake brandon brenda brendan brent brett brian brianna bridget brittany brooke bruce bruno
bryan bryce caleb calvin cameron camila camille candice carla carlene carmen carter casey cassie
cecilia celia chad chelsea cheryl claire clara clark claude claudia clayton clint clyde cody cole
colin connie connor cora corey courtney craig crystal curtis dale dana dara darlene darren darryl
darwin dawn dean deanna deepa delia della denise derek derrick destiny devin devon diego dina dillon
donna doris doreen doug duane dustin dwayne dwight dylan earl edith edna eileen elaine elias eliot
ella elliot ellis elmer elsa elton elvin emma enid enzo erica erika erin ethan etta eva evan fay
felicia felix fiona freda gareth garry garth gary gavin gaynor gemma gia gina gladys glen glenda
glenn gloria gordon grace grant greta gwen hailey hanna harley harper harriet harvey hazel heather
heidi herman hilda holly homer hope ida ina inga ingrid ira irene iris irma irvin ivy jackie jada
jaden janice janine jared jasmine jay jayden jean jeanette jeannie jed jenna jill joan joann
jocelyn jodi jody joel johanna jordan joy joyce juan juanita june justin kara karen kari karin
karla kate kay kayla keith kelley kelly kelvin kendall kendra kerry kevin kia kieran kirk kirsten
kris krista kristen kristin kristy kurt kyla kyle lana lance lara lauren laura laurel laurie lea
leah lee leigh lena leona leroy lester lila lillian lily linda lindsay lisa lloyd logan lois lola
lora loretta lori lorna lorraine lorena luis luna lydia lyle lynn mabel mackenzie mae marc marcia
mariana marie marilyn marina mario marion marisa marissa marjorie marla marlene marlon marsha
marta martha marvin mason maureen maxine maya megan melanie melinda melvin mercedes merle micah
mila mildred miles milton mindy minnie miranda moira mona monica morgan morris muriel myra myrna
nadia naomi niall nelson nia nicole nigel nina noah noel nolan nora noreen norma odette omar opal
orlando otis otto owen paige patsy paul paula pauline pearl perry petra phoebe preston quentin
quinn ramon ramona randall randy rani raven reid rene renee rex rhonda ricardo riley rita robin
robyn roderick rodney roland roman rosa rosanna rosario rosalie rose ross roy ruby rufus ruth ryan
sabrina sade sally salma sandra sanjay sara saul scott sean selena serena seth shane shannon
sharon shaun shawn sheldon shelley sheri sherri sherry shirley sidney silvia simone skyler sonia
sonya sophia sophie spencer stacey stacy stella sunil sunita sven sydney sylvia tamara tammy tara
tasha taylor thelma tiffany tina todd tracy travis trent trevor tricia trina trisha troy tyler
tyrone uma ursula vanessa vaughn vera vernon vicki viola violet vivian vivien wade wallace wanda
warren wayne wendell wendy wesley whitney wilbur wilma winston xavier yolanda yvette yvonne zoe
zara zoya
"""


def _read_groups() -> dict[str, frozenset[int]]:
    groups: dict[str, set[int]] = {}
    for number, line in enumerate(_GROUPS.strip().replace("\n  ", " ").splitlines()):
        for name in line.split():
            groups.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in groups.items()}


_GROUPS_OF = _read_groups()
_KNOWN = frozenset(_GROUPS_OF) | frozenset(_ALONE.split())


def related(a: str, b: str) -> bool:
    """Whether two folded given names may be the same person's (`bob` and `robert`)."""
    return not _GROUPS_OF.get(a, frozenset()).isdisjoint(_GROUPS_OF.get(b, frozenset()))


def groups_of(word: str) -> frozenset[int]:
    """The groups of the folded name; two related names have one in common."""
    return _GROUPS_OF.get(word, frozenset())


def is_given_name(word: str) -> bool:
    """Whether the table knows the folded word as a given name."""
    return word in _KNOWN
