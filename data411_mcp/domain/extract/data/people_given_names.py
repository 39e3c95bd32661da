"""Common given names of many cultures, folded (lower case, no accents), for reading names.

A given name in front is what tells `Heidi Steele` from `Garden Steel`. The list is a signal, not
a gate: a name it lacks needs more support from the page.
"""

from __future__ import annotations

_NAMES = """
aaron abbey abbie abby abdul abdullah abel abhishek abigail abraham ada adam adela adele adeline
adil aditya adolfo adrian adriana adriano adrien adrienne agata agatha agnes agnieszka agustin
ahmad ahmed aidan aileen aimee aisha aisling ajay akash akira akshay alain alan alana alasdair
alastair alba albert alberta alberto aldo alec alejandra alejandro aleksandar aleksander aleksandr
aleksandra aleksei alena alessandra alessandro alessia alessio alex alexa alexander alexandra
alexandre alexandros alexei alexia alexis alfie alfonso alfred alfredo ali alice alicia alina
alisa alisha alison alissa alistair allan allen allie allison allyson alma alonso alphonse alvaro
alvin alyson alyssa amal amalia amanda amar amber amelia amelie amin amina amir amit amos amparo
amy ana anastasia anat anatoly anders andre andrea andreas andreea andrei andres andrew andrey
andrzej andy aneta angel angela angelica angelina angelo angie angus anibal anil anita anja anjali
ankit ann anna annabel annabelle anne anneke annelies annemarie annette annie annika ansel anthony
antje antoine antoinette anton antonella antoni antonia antonin antonino antonio antonios antti
anurag anya april apurva arash archie ariadne ariana ariane ariel arild arjen arjun arlene armand
armando armin arnaud arne arno arnold aron arran arthur arto artur arturo arun arvin arvind asa
asha asher ashish ashleigh ashley ashok ashraf ashton asif asim astrid athanasios attila aubrey
audra audrey august augusto augustus aurelie aurelien aurora austin ava avery avi avraham axel
ayesha ayman ayse azhar aziz babak bailey bala balazs baptiste barbara barnaby barney barrie barry
bart bartholomew bartosz basil bastian bastien beata beatrice beatriz beau becky belen belinda
bella ben benedetta benedict benedikt bengt benita benjamin benny benoit bente bernadette bernard
bernardo bernd bernhard bernice bert bertha bertrand beryl bess beth bethany betsy bettina betty
beverley beverly bevin bhavesh bianca bilal bill billie billy birgit bjarne bjoern bjorn blaine
blair blake blanca bob bobbie bobby bodil bogdan bonnie boris bosco boyd brad bradford bradley
brady brahim bram brandi brandon brandy branislav branko brayden breanna brenda brendan brent
brenton bret brett brian briana brianna bridget bridgette brigitte britney britt brittany brock
bronwen bronwyn brooke bruce bruna bruno bryan bryce bryn bryson bud burt butch byron cailin
caitlin caleb callum calvin cameron camila camilla camille candace candice cara carina carl carla
carlo carlos carlotta carly carmel carmela carmen carmine carol carola carole carolin carolina
caroline carolyn carrie carsten carter cary caryn casey cassandra cassie catalina catarina
caterina catharina catherine cathleen cathy catriona cecil cecile cecilia cecily cedric celeste
celia celine cesar chad chaim chandra chandler chantal charlene charles charlie charlotte chas
chase chelsea chen cheng cheri cherie cherry cheryl chester chet chiara chloe chris chrissie
chrissy christa christel christelle christian christiane christie christina christine christof
christoph christophe christopher christos christy chuck ciara cian cillian cindy claes claire
clara clare clarence clarissa clark claude claudette claudia claudine claudio claus clay clayton
clement clemens cliff clifford clifton clint clinton clive clyde cody colby cole coleen colette
colin colleen collin conchita connie connor conor conrad constance constantin constantine consuelo
cooper cora coral coralie cordelia corey corinne cormac cornelia cornelis cornelius cory courtney
craig cristian cristiano cristina cristobal crystal curt curtis cynthia cyril cyrus czeslaw dag
dagmar dai daisy dale dalia damian damien damon dan dana dane dani daniel daniela daniele daniella
danielle danilo danny dante daphne darcy daren daria dario dariusz darius darla darlene darrell
darren darrin darryl darwin daryl dave davey david davide dawid dawn dean deana deanna deanne
debbie deborah debra declan dee deepa deepak deirdre delia della delphine denis denise dennis denny
deon derek derrick desiree desmond devin devon dewi dexter diana diane dianna dianne dick didier
diederik diego dieter dietmar dietrich dilip dimitri dimitrios dina dinah dinesh dino dion dirk
dmitri dmitry dolores dolly domenic domenico dominic dominik dominika dominique don donal donald
donatella donna donnie donovan dora doreen doris dorota dorothea dorothee dorothy dorte dougal
doug douglas doyle drew dries duane dudley duncan dunja dustin dwayne dwight dylan eamon eamonn
earl ebony ed eddie eddy edgar edith edmond edmund edna edoardo eduard eduardo edward edwin effie
egon eileen einar elaine elaina eleanor elena eleni eleonora eli elia eliane elias elin elina
elinor eliot elisa elisabeth elisabetta elise eliza elizabeth elke ella elle ellen ellie elliot
elliott ellis elmar elodie eloise elsa elsie elton elvira elvis elysia emanuel emanuela emanuele
emer emeric emerson emil emile emilia emilie emiliano emilio emily emir emma emmanuel emmanuelle
emmett emre enda enid enrico enrique enzo eoin erez eric erica erich erick erik erika erin ernest
ernesto ernie ernst errol erwin esme esmeralda esteban estelle ester esther estrella ethan ethel
etienne eugene eugenia eugenio eunice eva evan evangeline eve evelien eveline evelyn everett evert
evgeny ewa ewan fabian fabiana fabien fabienne fabio fabrice fabrizio faith faisal farah farhad
farid fatima fay faye federica federico felicia felicity felipe felix ferdinand ferenc fergal
fergus fernanda fernando filip filippo finlay finn fiona flavia flavio fletcher fleur floor
florence florent florian flora florin floyd flynn forrest fran frances francesca francesco francis
francisca francisco franck franco francois francoise frank frankie franklin frans frantisek franz
fraser fred freda freddie freddy frederic frederica frederick frederik fredrik freya frida
frieda friedrich frits fritz gabi gabriel gabriela gabriele gabriella gabrielle gael gail gali
gareth garrett garry garth gary gaston gaurav gavin gaye gayle gemma gene genevieve geoff geoffrey
georg george georges georgia georgie georgina georgios geraint gerald geraldine gerard gerardo
gerd gerhard german geronimo gerrit gerry gert gertrude gerwin ghislaine giacomo giada gian gianni
gideon gil gilbert gilberto gilda giles gilles gillian gina ginger ginny gino giorgia giorgio
giorgos giovanna giovanni gisela giselle gitte giulia giuliana giulio giuseppe gladys glen glenda
glenn gloria glyn godfrey gonzalo gopal goran gordon gorka grace gracie graeme graham grainne grant
graziella greg gregg gregor gregoire gregory greta gretchen griff griffin grzegorz guadalupe
gudrun guido guilherme guillaume guillermo gunnar gunter gunther gus gustav gustavo guy gwen
gwendolyn gwyneth habib hadley haidar hailey hakan hal haley halina hamid hamish hamza han hana
hanna hannah hannelore hannes hanneke hans harald hari harish harlan harley harold harriet
harrison harry harsh harshad hartmut haruki harvey hasan hassan hayden hayley hazel heath heather
hector hedda heidi heike heiko heiner heinrich heinz helen helena helene helga helge helmut
hendrik henk hennie henri henrietta henrik henrique henry herb herbert heribert herman hermann
hernan hicham hilary hilda hilde hillary hiroshi hiro hitesh holger hollie holly hope horace horst
hortense howard huang hubert hugh hugo humberto humphrey hung hussain hussein hyun iain ian ibrahim
ida idris ignacio igor ike ikram ilan ilaria ilene ilja ilona ilse ilya imogen imran ina ines inga
ingeborg ingmar ingo ingrid inigo ioana ioannis iolanda ira irena irene irfan irina iris irma
irving irwin isa isaac isabel isabella isabelle isaiah isha ishan isidro isla ismael ismail israel
istvan itai ivan ivana ivar ivo ivor ivy iwan iwona iza izabela jaap jace jack jackie jackson
jaclyn jacob jacqueline jacques jacqui jade jaime jake jakob jakub jamal james jameson jamie jamil
jan jana jane janet janette janice janie janine janis janna janos janusz jared jari jarmo jaroslav
jarrod jarvis jasmine jason jasper javier jay jaya jayme jayne jayson jean jeanette jeanine jeanne
jeannie jed jeff jeffery jeffrey jelena jen jenna jennie jennifer jenny jens jerald jeremiah jeremy
jerome jerrod jerry jesper jess jesse jessica jessie jesus jill jillian jim jimmy jin jing jitka
jitendra jo joachim joakim joan joana joanna joanne joao joaquin jocelyn jochen jodi jodie jody joe
joel joelle joerg joey johan johann johanna johannes john johnathan johnnie johnny jolanda
jolanta jolene jon jonah jonas jonathan jone joni jonny joop joost jordan jordi jorg jorge jorgen
joris jose josef josefina joseph josephine josh joshua josiah josie josip joss jouni joy joyce
jozef juan juana juanita judd jude judith judy juergen juhani juli julia julian juliana julie julien
juliet julieta juliette julio julius jun june jurgen jussi justin justina justine justyna jutta
kacey kai kaitlin kaitlyn kamal kamil kamila kamran kara kareem karel karen kari karin karina karl
karla karoline karolina karsten karthik kasper kat katalin katarina katarzyna kate katelyn
katerina katharina katharine katherine kathi kathie kathleen kathryn kathy katia katie katja
katrin katrina katy kavita kay kaya kayla kaye keegan keiko keir keith kelley kellie kelli kelly
kelsey kelvin ken kendall kendra kenji kenneth kenny kent kerri kerry kerstin kevin kezia khaled
khalid kiara kieran kiki kim kimberley kimberly kimmo kip kira kiran kirby kirk kirsten kirsti
kirsty kit kjell klaus klara knut konrad konstantin konstantinos korbinian kris krishna krista
kristen kristian kristie kristin kristina kristine kristof kristopher kristy krisztina krystal
krystyna krzysztof kumar kurt kyle kylie kyra lacey ladislav laila lakshmi lana lance landon lara
larissa larry lars lasse laszlo latoya laura laure laurel lauren laurence laurent laurie lauri
lavinia lawrence lea leah leandro leanne lee leela leena leif leigh leila leland lena leo leon
leona leonard leonardo leonie leonor leopold leroy les lesley leslie lester leticia lev levi lewis
lex li lia liam liana libby lidia liesbeth lila lili lilian liliana lilly lily lina lincoln linda
lindsay lindsey line linh linnea linus lionel lisa lisbeth lise lisette liv livia liz liza lizzie
ljiljana lloyd logan lois lola lon lonnie lora loraine lore loren lorena lorenz lorenzo loretta
lori lorna lorne lorraine lothar lotta lottie lou louis louisa louise luc luca lucas lucia lucian
luciana luciano lucie lucien lucille lucinda lucy ludivine ludovic ludwig luigi luis luisa luiz
lukas lukasz luke luther luz lydia lyle lyn lynda lyndon lynette lynn lynne maarten mabel
maciej mack mackenzie madeleine madeline madison mads mae maeve magali magda magdalena maggie
magnus mahdi mahesh mahmoud maia mairead maisie maja malcolm malgorzata malik malin malte mandy
manfred manish manja manoj manon manu manuel manuela mara marc marcel marcela marcella marcello
marcelo marci marcia marcin marco marcos marcus marek margaret margarita margaux margery margherita
margit margo margot margrit marguerite mari maria mariam marian mariana marianne mariano maribel
marie marieke mariel marietta marika marilyn marina mario marion maris marisa marisol marissa
marit marita marius marjan marjolein marjorie mark marko markus marla marleen marlene marlies
marlon marquis marsha marshall marta marten martha marti martijn martin martina martine marty
martyn marvin mary maryam maryann marybeth maryse mason massimiliano massimo mateo mateusz mathew
mathias mathieu mathilde mathis matias matilda matt matteo matthew matthias matthieu mattias maud
maura maureen maurice mauricio maurizio mauro mavis max maxime maximilian maxine maxwell may maya
mayank meagan meera meg megan meghan mehdi mehmet mei melanie melina melinda melissa melody melvin
mercedes meredith merle merlin mervyn mia micah michael michaela michal michel michela michele
micheline michelle mick mickey miguel mihai mihaela mika mikael mike mikhail mikkel miklos milan
mildred milena miles milos milton mimi mina mindy ming minna mira miranda mireille mirela miriam
mirjam mirko miroslav misty mitch mitchell mitsuko moez mohamed mohammad mohammed mohan mohit moira
moises molly mona monica monika monique monty morag morgan moritz morris mort morten moses moshe
muhammad murat muriel murray mustafa mya myles myra myriam myron myrtle nabil nadia nadine nadja
naim nan nana nancy naomi nadim narendra natacha natalia natalie nataliya natalya natasha nate
nathalie nathan nathaniel naveen neal ned neha neil nell nellie nelson nena nerea nestor neville
niall nicholas nick nicky nico nicola nicolas nicole nicoletta niels nigel nihal nik nika nikhil
niki nikita nikki niklas niko nikola nikolai nikolaos nikolas nikolaus nils nilesh nina nino niraj
nita nitin noa noah noam noel noelia noelle noemi nora norbert noreen norma norman nuala nuno nuria
octavia octavio odette odile ofelia ofer ola olaf olav ole oleg olena olga oliver olivia olivier
olle olof omar omer oona opal ophelia oren oriol orla orlando osama oscar oskar osman osvaldo
othmar otis otto owen pablo paddy paige palle pam pamela paola paolo paresh parker pascal pascale
pasquale pat patrice patricia patricio patrick patrik patrizia patti patty paul paula paulette
pauli paulina pauline paulo pavel pawel pearl pedro peggy pekka penelope penny per percy perla
pernille perry pete peter petr petra petri petros petter phil philip philipp philippa philippe
phillip phoebe phyllis pia pier piero pierre pierrick pieter pietro pilar pinar piotr piper pippa
polly pooja poppy prakash pranav prasad pratik preston priscilla priti priya priyanka quentin
quincy quinn rachael rachel rachelle radek radka radoslav radovan rae rafael rafaela rafal raffaele
rafi rafiq raghu ragnar rahul raimund rainer raj raja rajat rajeev rajesh rajiv rakesh ralf ralph
ram raman ramesh ramiro ramon ramona rana randal randall randi randolph randy rania ranjit raoul
raphael raquel rasheed rashid rashida rasmus raul ravi ray raymond raymundo reagan rebeca rebecca
rebekah reed reg regan regina reginald reid reidar reiner reinhard reinhold remco remi remy rena
renata renate renato rene renee reto reuben rex reynaldo rhett rhiannon rhoda rhona rhonda rhys
ricarda ricardo riccardo rich richard richie rick rickey ricky rico rita ritu rob robbie robby
robert roberta roberto robin robyn rocco rochelle rocio rod roddy roderick rodger rodney rodolfo
rodrigo roel roeland roger roland rolando rolf roma romain roman romeo romina ron ronald ronan
ronda ronen roni ronnie ronny rory rosa rosalia rosalie rosalind rosalyn rosanna rosanne rosario
roscoe rose roseann rosemarie rosemary rosie ross rowan rowena roxana roxanne roy royce ruben ruby
rudi rudolf rudolph rudy rufus rune rupert russ russell rusty ruth ryan ryszard sabina sabine
sabrina sachin sadie saeed said saif sal salim sally salman salvador salvatore sam samantha sameer
samir sammy samuel samuele sandeep sander sandi sandra sandro sandy sanford sanjay sanjeev sanna
santiago santosh sara sarah sari sascha sasha saskia satish saul saurabh savannah scot scott sean
sebastian sebastien selena selma serena serge sergei sergey sergio seth severine seymour shabbir
shaheen shahid shakeel shamus shana shane shanna shannon shari sharon sharyn shaun shauna shawn
shawna sheena sheila shelby sheldon shelley shelly sheri sherman sherri sherrie sherry sheryl
shilpa shirin shirley shiv shlomo shmuel shreya shyam sian sibylle sid sidney sidonie siegfried
sienna sierra sigrid silas silke silvana silvia silvio simeon simon simona simone sinead siobhan
siri skip skye slavica slawomir slobodan smita sofia sofie solange soledad solveig sondra sonia
sonja sonny sonya sophia sophie soren spencer sridhar stacey staci stacie stacy stan stanislav
stanislaw stanley stavros stefan stefania stefanie stefano steffen stella sten stephan stephane
stephanie stephen stephon sterling steve steven stewart stijn stina stuart sue suhail suki sukhdev
sultan sunil sunita suraj suresh susan susana susann susanna susanne susie suzan suzanne suzette
suzie svein sven svenja svetlana swati sybil sydney syed sylvain sylvester sylvia sylvie sylwia
tabitha tadeusz taina takashi takeshi tal talia tamar tamara tamas tami tammi tammy tania tanja
tanya tara tariq taryn tatiana tatjana taylor ted teddy terence teresa teri terrance terrell
terrence terri terry terje tess tessa thaddeus thea theo theodor theodora theodore theresa therese
thierry thijs thomas thor thorsten tia tiago tiffany tilda tilo tim timo timothy tina tobias toby
tod todd tom tomas tomasz tomaz tomislav tommaso tommy toni tonia tonino tony tonya tor tore tori
torsten tove tracey traci tracie tracy travis trent trevor tricia trina trish trisha tristan trond
troy trudy tucker tyler tyrone tyson udo ugo ulf uli ulla ulrich ulrika ulrike umar umberto uma
una ursula usha usman ute uwe vaclav val valentin valentina valentino valeria valerie valerio
vance vanessa vasile vasilis vaughn veena velma venkat vera verena vernon veronica veronika
veronique vesna vic vicente vicki vickie vicky victor victoria vidya vijay vikas vikki vikram
viktor viktoria vilma vince vincent vincenzo vinay vineet vinod viola violet violeta virgil
virginia virginie vishal vito vittoria vittorio viv vivek vivian viviana vivien vivienne vlad
vladimir vojtech volker wade walid wallace walter waltraud wanda warren wayne wei wendell wendy
werner wesley whitney wieslaw wilbur wilfred wilfried wilhelm will willa willem william willie
willis wilma wilson winfried winifred winnie winston wojciech wolf wolfgang woody wout wouter
wyatt xander xavi xavier xenia xiao yaakov yael yair yana yang yann yannick yasmin yasmine yasser
yehuda yolanda yosef yoshi younes yousef ysabel yui yuki yulia yuri yusuf yvan yves yvette yvonne
zac zach zachary zack zain zane zara zbigniew zdenek zeljko zelda zena zev zeynep zhang zoe zoltan
zoran zsolt zuzana
aadil akhil amrit anand aniket anisha ankur ansh anuj aparna archana arnav aruna asmita avinash
bhaskar chetan darshan devika dhruv divya gayatri girish gita govind hardik hema indira jagdish
jatin jyoti kabir kalpana kartik kaushik ketan kishore kunal lalit lata madhav madhuri mahendra
malini manisha meena mohini mukesh nandini narayan naresh neeraj nidhi nikita nilima nisha pallavi
pankaj paras parth piyush poonam pradeep pramod pranay praveen prem puneet purnima radha radhika
raghav rajani rajendra raju rakhi ramakrishna rashmi rekha rina rishi ritesh rohan rohini rohit
roshan sagar samir sandhya sangeeta sanjana sarika sarita satya savita shailesh shalini shankar
shanti sharad sharmila shashi shekhar shubham siddharth smriti sneha sonal sonali srinivas subhash
sudha sudhir sujata suman sumit supriya surendra surya sushil tanvi tarun tejas uday ujjwal umesh
usman vaibhav vandana vani varun vasant venkatesh vidhi vimal vinayak vipul yash yogesh
ahmet aylin burak cem deniz elif esra fatma gokhan hakan hasan huseyin kemal leyla melek murat
nazli onur orhan ozan ozgur selin serkan sibel sinan tolga tugba ugur volkan yasemin yavuz yilmaz
abdelaziz abdelkader abdulaziz abdulrahman abubakar adnan alaa amira amjad anas anwar arif asma
ayoub bashir bassam basma chafik dalal dina driss fadi fahad farouk farrukh fawzi ghassan hadi
haitham hala hamad hana hanan hani haroon hatem hind hisham hoda huda iman imad inam iqbal issam
jaber jabir jalal jawad kamila karim kashif khadija khalil lama latifa lubna maha mahmood majid
mansour marwa marwan maryam maysa mazen mehreen mona mounir mourad moustafa muna munir mustapha
nada nadeem nadir naeem nahla naser nasir nasreen nasser nawal nazim nizar nour nura omar osama
qasim rabia rafael raed rami rana rania rasha reem riad rima saad sabah sabir safa sahar saima
salah saleem saleh salma samar sami samia samira sana sara shadi shahzad shakir shams sharif
sherif soha sohail soraya suhaila sulaiman taher tahir talal tamer tanvir tarek taufik umer usama
wael wafa waleed waqas wissam yahya yakub yasir younis youssef yunus zahid zahra zainab zaki zeinab
zeeshan ziad zubair
bao binh chi cuong dung duc duy giang ha hai hang hanh hao hieu hoa hoang hong huong huy khanh
kien lan linh loan long mai minh nam nga ngoc nguyet nhung phuc phuong quan quang quoc son tam
tan thanh thao thi thuy tien trang trinh trung tu tuan tung tuyen van viet xuan yen
aiko akemi akiko asuka ayako ayumi chie daisuke eiji emi fumiko hana haruka haruko hideki hideo
hiroko hiroyuki hisashi ichiro jiro junichi junko kaori kaoru katsumi kazuko kazuo keiji kenichi
kenta koichi koji kumiko makoto mamoru manabu mariko masaki masao masahiro masako mayumi megumi
michiko midori miho minoru misaki mitsuo miyuki naoki naoko naomi nobuo noriko osamu reiko ryo
ryota sachiko saori satoru satoshi sayaka seiji shigeru shin shinji shinichi shiro shoji shun
susumu tadashi takahiro takako takao takuya taro tatsuya tetsuya tomoko tomomi toru toshiko
toshio tsuyoshi yasuko yasuo yoko yoshiko yoshio yuichi yuka yukari yukiko yukio yumi yumiko yuko
yutaka
byung chul dong eun hana hee hoon hwa hye hyo in jae ji jihoon jin jisoo jiwon joon joonho jung
kwang kyung minho minji minjun sang seo seok seung seungmin soo soojin sook sun sung tae woo yeon
yong yoona young yun
bin bo chao chun dan fang fei feng gang guang guo hai hao hong hua hui jia jian jiang jie jing jun
kai lan lei liang lin ling min na ning peng ping qian qiang qin qing rong rui shan shu tao ting wen
xia xin xiu yan yi ying yong yu yuan yue zhen zhi zhong
adeola ade adebayo ama amara amaka ayo babajide bola bongani chidi chika chinedu chioma chuka
dayo ebele efe emeka femi folake funmi gbenga ifeoma ikenna kwabena kwame kwasi lerato lindiwe
mandla mpho ngozi nia njeri nkechi nnamdi nomsa obi ola olu olumide oluwaseun oluwatobi segun
sipho tendai thabo thandi tunde uche wanjiru yemi zanele zola
ainhoa aitor ander arantxa arnau asier begona berta blas borja carles carme caridad cayetano
chema concepcion conchi dolors eduard elsa encarna encarnacion enric esperanza estefania eusebio
fatima feliciano felix ferran fidel francesc genoveva gerard german gines gonzalo graciela gregorio
helena herminia hortensia hugo ildefonso inmaculada iker imanol irene isidoro jacinto jaume javi
joan joaquim jordi josep josune julian laia leandro leire lidia lluis lourdes luciana lurdes
macarena maite manolo marcal margarida mariona martirio matilde maximo merce meritxell mikel
milagros mireia modesto montse montserrat narcis natividad nieves nil noelia octavi olga oriol
paloma pau paz pepe pere perico purificacion quim rafa ramiro remedios reyes rocio rodolfo rosendo
roser rufino salvador santi saray sebas sergi silvestre socorro sofia sonsoles susana teo teodoro
tomas toni trinidad unai valentin vicenta victoriano xabier xavi ximena yago yolanda
afonso albertina alda alvaro amandio andreia anabela arlindo artur augusta benedita bernarda
caetano caio carminda celso cidalia clovis conceicao damiao davi deolinda dinis diogo dulce edson
eduarda elza evandro fabiola fatima fernao fernandes filipa filipe flaviano francisca gerson
gilson gisele gladstone goncalo gracinda heitor helder henrique hilario iara inacio ilda iolanda
ivone jacinta jairo jefferson joaquim joaquina jorginho josue juliano jurandir laercio lais
leandro leonel lidia lucilia luciene luzia madalena manoel marcia marcio mariza marlene mauricio
micaela miguela moacir nelio nilson nilton nilza norberto olavo olinda osvaldo otavio palmira
paula priscila quiteria raimundo raissa regiane renan rogerio roque rosangela rubens rui salete
samara sandrina severino silvana silvino simao sonia telma telmo tereza thais thiago tiago tome
vagner valdemar valdir valter vania vasco vera viriato vitor vitoria waldemar wagner wellington
zelia zulmira
adalgisa agostino alda alfio ambrogio amedeo amerigo angiola annalisa annamaria antonietta
arianna armanda armida arrigo assunta attilio aurelio azzurra battista benito bianca brigida bruna
calogero camillo carmelo carolina cataldo cesare chiara cinzia ciro clara claudia corrado
cosimo costanza cristiana dalila daria davide debora desideria diletta donato donatello edda
egidio elda elettra elia eliana elio elisabetta elvio emanuela enrica erica ermanno ernesta
ettore eugenia ezio fabiana fausta fausto federico ferruccio fiorella fiorenza flavio fortunato
franca fulvia fulvio gaetano gaia gennaro germana gerolamo giacinto giada gianfranco giancarlo
gianluca gianluigi gianmarco gianpaolo gigliola gilda gina gino giordano girolamo giuliano giusy
grazia graziano greta guglielmo ida ilenia immacolata ines iolanda irma isidoro italo ivan ivana
jacopo ketty lamberto lara laura leone leonilda letizia licia lidia liliana livio loredana lorella
loretta loris luana lucio lucrezia ludovica luisella maddalena manlio marcella mariagrazia
mariangela mariella marilena marinella marino mariolina marisa marzia matilde maurilio mauro
melania michelangelo milena mirella mirko moira monia morena natale nello nicola nicolo nino
nives norma nunzia nunzio oreste ornella orsola osvaldo ottavia ottavio palmira pamela patrizio
piera pierangelo piergiorgio pierluigi pierpaolo pina pino pompeo primo raffaella raimondo remo
renzo rina rinaldo roberta rocco romana romano romeo romolo rosalba rosanna rosaria rosella
rossana rossella ruggero sabatino salvo sandra sante santo saverio savino secondo selene serenella
settimio severino sebastiano silvano simonetta sofia sonia stefania tatiana tazio tiberio tiziana
tiziano tommasina tonino tullia tullio umberto ursula valentino valter vanda vania vera virgilio
virginio viviana vladimiro walter wanda zaira
"""

# Also everyday words of page text: they would read as names at the start of a line.
_WORDS = frozenset(
    {"in", "na", "line", "loan", "long", "sun", "young", "min", "tan", "hai", "son", "van"}
    | {"chase", "german", "hot", "paris", "natale", "primo"}
)
GIVEN_NAMES: frozenset[str] = frozenset(_NAMES.split()) - _WORDS
