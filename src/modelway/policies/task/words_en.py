"""English words of each concept; ``+`` stands for a verb's or noun's endings (see ``lexicon``)."""

from __future__ import annotations

ENDINGS = ("", "s", "es", "d", "ed", "ing")

WORDS = """\
fix: fix+ debug+ troubleshoot+ diagnose+ repair+ resolve+ debugger bugfix hotfix solved solution
  sorted unblock+ fixes workaround
find: find finds finding locate+ spot+ track trace pinpoint+ identify+ detect+ why idea ideas
  hypothesis suspect look looking mistake figure detect spot whats isolate narrow bisect
write: write writes writing written wrote
draft: draft+ compose+ rephrase+ paraphrase+ reword+ proofread+ polish+ edit+ copyedit
create: create+ make makes making made generate+ produce+ give generator
build: implement+ build builds building built develop+ program+ scaffold+ bootstrap+ prototype+
design: design+ architect+
need: need+ want+ looking
add: add+ insert+ include+ append+ supplement+
show: show+ demonstrate+ illustrate+ example examples sample samples
refactor: refactor+ restructure+ reorganize+ reorganise+ rewrite rewrites rewriting rewritten
  rework+ modernize+ modernise+ decouple+ modularize+ modularise+ inline+ dedupe+ deduplicate+
  reorganised reorganized revamp+ streamline+ consolidate+ unify+ encapsulate+ abstract+
tidy: clean cleaner cleanup cleaning simplify+ shorten+ shorter concise readable readability
  idiomatic duplicated duplicate duplication repetitive boilerplate messy nested spaghetti dry
  maintainable legacy elegant verbose responsibilities responsibility god copypaste hardcoded magic
  naming inconsistent globals coupled coupling smells pythonic comprehension ternary deep deeply
  solid srp unreadable ugly hacky crufty mess pure smaller lift effects redundant unnecessary
  compact neat neater clearer modular reusable composition immutable functional oop abstraction
  guard clauses if else elif conditionals mutation mutations expression ifs rid
rename: rename+ renaming
migrate: migrate+ port+ upgrade+ migration migrations transition+ switch+ replace+ moving move
  moves introduce+ adopt+ phase deprecated deprecation newer strangler from instead replace
  replaced replacement
convert: convert+ turn+ transform+ change changes conversion reimplement+ equivalent express
  instead into rewritten fstring strings
split: split+ extract+ separate+ decompose+ break breaking
speed: optimize+ optimise+ optimization optimisation faster speed+ performance performant slow
  slower slowly vectorize+ vectorise+ parallelize+ parallelise+ efficient efficiently throughput
  memoize+ bottleneck inefficient reduce footprint allocations allocation quadratic complexity
  hotspot profile profiling optimised optimized cut quicker
keep: unchanged preserve+ preserving keeping behavior behaviour same backward compatible instead
  signature semantics without retaining intact side effects externally
improve: improve+ enhance+ better improvement improvements cleaner nicer tweak+ refine+ revise+
  strengthen+
test: test tests testing tested tester unittest unittests testable pytest jest junit vitest mocha
  rspec cypress playwright selenium testcontainers hypothesis testng xunit nunit qa e2e regression
  smoke tdd bdd gherkin k6 jmeter locust gtest doctest specs spec scenarios cases testcase
  testcases testbed harness chaos benchmark unit mutation conftest nose tox mockito wiremock
  testrail appium karma chai enzyme supertest nightwatch puppeteer storybook atm scenario
  withdrawal checklist acceptance usability exploratory suite suites
testing: coverage mock+ stub+ fixture+ assert+ assertion+ flaky parametrize+ parameterized snapshot
  fuzz+ integration acceptance scenario invariants invariant covering cover covers verify verifies
  skip raises edge corner happy negative boundary expected parametrized fake fakes spy spies
  doubles faults teardown setup seed seeded ramps mocked stubbed asserted depends deterministic
  reproducibly verifying validate+ sanity
doc: docstring+ readme documentation changelog javadoc jsdoc rustdoc godoc tsdoc doxygen sphinx
  mkdocs openapi swagger runbook+ wiki adr adrs docblock contributing rst docs faq rfc docstrings
  readmes docblocks hints typedoc pydoc comments changelogs documenting man manpage redoc
  postmortem howto onboarding badges contents describing comment apidoc wikis pydocs specification
document: document documents documenting documented comment+ annotate+ md commented annotations
  annotated inline explanatory describing fields
manual: manual guide guides handbook tutorial onboarding notes specification reference walkthroughs
  portal getting started overview instructions faq playbook faqs quickstart release pull commit
explain: explain+ explanation describe+ elaborate+ clarify+ teach+ understand+ walkthrough eli5
  interpret+ intuition tell walk meaning explainer understanding confused confusing wondering
  wonder curious learn learning newbie beginner layman terms overview account reading care analogy
  deeper intuitively grasp clear introduce depth describe define definition happens break down get
  everyday recursion enlighten primer refresher demystify dumb rundown unpack breakdown illustrate
  simplest plain
mean: mean means meant meaning stands stand refer refers purpose
compare: compare+ comparison versus vs difference+ differ differs different pros cons tradeoff
  tradeoffs trade advantage+ disadvantage+ prefer contrast+ choose better choosing choice worth
  enough suited alternatives alternative between whether good best similar over monolith offs
  drawbacks downsides upsides benefits recommended recommend suitable rather decide
concept: concept+ theory principle+ mechanism hood internals fundamentals basics purpose point
  benefit benefits paradigm history origin mechanics lifecycle semantics stand inner workings role
  behind relationship
work: work works working worked
translate: translate+ translation+ translator localize+ localise+ localization localisation
  interpreter subtitle+ traduce traducir traduis traduire traduci tradurre übersetze übersetzen
  traduza traduzir vertaal przetłumacz transliterate+ translating native bilingual render rendered
  translated+ interpret
tongue: english french german spanish italian portuguese russian chinese mandarin japanese korean
  arabic hindi turkish polish dutch swedish ukrainian greek hebrew czech finnish danish norwegian
  latin vietnamese thai indonesian brazilian cantonese persian hungarian romanian bengali kazakh
  urdu tamil telugu malay tagalog filipino swahili catalan basque irish welsh scottish afrikaans
  serbian croatian bulgarian slovak slovenian lithuanian latvian estonian georgian armenian
  azerbaijani uzbek mongolian inglés castilian farsi pinyin kanji katakana hiragana cyrillic
say: say says said called word phrase expression idiom saying pronounce pronounced version
  equivalent natural slang love render rendered rendering plain hello goodbye
summarise: summarize+ summarise+ summary summaries tldr outline+ condense+ recap+ takeaways digest
  abstract key gist tl dr highlights bullets boil distill+ conclusions minutes transcript article
  brief synopsis
extract: parse out list lists listing pull entities fields columns tabulate+ action items owner
  owners deadline deadlines dates amounts addresses fill identify pick
classify: classify+ categorize+ categorise+ sentiment label+ cluster+ group+ tag+ positive negative
  neutral rank+ prioritize+ prioritise+ spam bucket+ urgency topic topics intent category
  categories toxicity rate rated order arrange+ sort+ support tickets alphabetically alphabetical
  sorting match matching map assign theme themes rank ranking ranked descending ascending count
calculate: calculate+ compute+ solve+ equation+ integral derivative probability percent percentage
  average mean median sum total interest ratio deviation variance expected math maths mathematical
  calculation per compound odds dice polynomial matrix factor cheapest cheaper cost costs costing
  afford break even breakeven monthly annually rate rates area volume angle triangle circle radius
  perimeter hypotenuse fraction fractions expand roots quadratic logarithm limit permutations
  combinations combinatorics card coin coins payback irr npv roi apr tip discount margin evaluate
  sin cos tan log sqrt pi alphabetically numerically integrate differentiate differentiation gcd
  lcm modulo fibonacci factorial weighted standard confidence interval bayes bayesian distribution
  rolls sixes die drawn draw deck cards train speed catch fills pool pipe pipes mixture age ages
prove: prove+ proof proofs theorem lemma induction infinitely derive+ deduce+ logic puzzle+ riddle
  bloops conclude premise premises syllogism contradiction sequence pattern knights knaves liar
  truth sudoku crossing hats hat weighing counterexample valid infer+ generalise next series rolls
analyse: analyze+ analyse+ analysis evaluate+ assess+ estimate+ predict+ forecast+ trend+
  correlation regression insight+ insights dataset outlier+ anomaly interpret statistics
  statistical quarter revenue sales churn conversion metric+ survey investigate+ kpi cohort growth
  valuation scenario scenarios dcf assumptions driver drivers significance sample benchmark
  interpretation conclude trends patterns read results figures feedback customers segments segment
  seasonality experiment retention concluded satisfied unhappy respondents onboarding novelty
  report psychologist effects hypothesise ltv cac arpu funnel inventory logistics demand supply
  poll polls share distribution implications causes critique argument arguments bias biases fallacy
  swot pestle argue argued consequences effect impact crisis prevented factors evaluate weaknesses
  strengths market competitors pricing risk risks productivity profit profits losses
plan: plan+ schedule+ roadmap strategy strategies itinerary budget+ brainstorm+ milestones agenda
  timeline recommend+ decide decision swot prioritise workout meal diet trip route organise
  organize repayment training weekly weeks month months allocate+ curriculum syllabus launch
  retirement pack packing menu renovation checklist priorities goals goal okr okrs hire hiring
  habit routine recommendation offers offer pays benefits remote option options choose between
  spend travel vacation holiday visit buy buying household moving career path exam exams semester
  timetable sizing guidelines staffing
data: data table csv spreadsheet excel numbers figures rows column values report json
function: function+ method+ class classes struct subroutine closure lambda decorator+ hook hooks
  variable+ loop+ array+ pointer+ enum interface module modules component+ snippet+ codebase
  algorithm+ generator iterator recursion recursive template typed type types
code: code coded coding program programs script+ repo repository implementation syntax compiler ide
  linter
service: api apis endpoint+ server+ service+ microservice+ app apps application+ website webpage
  bot backend frontend crawler scraper plugin extension library package cli middleware webhook+
  websocket daemon worker parser router landing dashboard calculator todo crud discord slack
  telegram whatsapp shopify wordpress stripe twilio game games snake tetris chess tic tac toe quiz
  clock stopwatch timer converter generator uploader downloader
config: config configs configuration yaml yml toml dockerfile makefile compose manifest pipeline
  workflow ci cd helm terraform ansible playbook nginx systemd cron crontab env
query: sql query queries regex regexp select join index schema stored procedure view
page: page html css form button layout stylesheet svg flexbox grid
tongue_code: python javascript typescript java rust golang go kotlin swift ruby php perl scala c
  cpp csharp haskell elixir bash shell powershell lua dart matlab julia cobol fortran assembly node
  nodejs js ts py jquery vba solidity react vue angular svelte nextjs django flask fastapi rails
  spring laravel express numpy pandas pytorch tensorflow sqlalchemy redux tailwind graphql grpc
  asyncio tokio goroutine goroutines net dotnet unity hooks async await promise promises callbacks
infra: docker kubernetes k8s postgres postgresql mysql sqlite mongodb redis kafka rabbitmq
  elasticsearch aws azure gcp s3 lambda linux ubuntu git github gitlab npm yarn pip webpack vite
  database databases db cache queue kubectl pod pods container containers airflow spark celery
fail: fail+ failure+ crash+ broken breaks hang hangs hanging hung freeze+ froze stuck segfault+
  refuse+ rejected loses lost missing disappear+ corrupt+ panics misbehave+ glitch+ stopped skip
  skips skipped drops dropped ignores ignored lags lagging dies died kills killed refuses ignoring
  vanish+ spikes spike jumps slows exits exited blank blocked unreachable unresponsive unable
  couldn unreliable kicked offline corrupts duplicates doubles dropping disconnect+ restarts
  restarting respawn overheats flashes gone closes closed dead dying disappears halts halted
  vanished blows blew bombs bombed choke chokes misses missed overwritten overwrites cutoff expires
  expired denied unrecognized unresolved cannot unsuccessful aborts aborted terminated unexpectedly
  conflict conflicts rejects mangled scrambled flickering laggy delayed delays backlog duplicated
  twice collides collision stale desync drift
error: error+ exception+ errno err bug bugs buggy issue issues problem+ fault warning+ 500 502 503
  504 404 403 401 econnrefused enoent eaddrinuse oom sigsegv cors
trace: traceback stacktrace keyerror typeerror valueerror attributeerror indexerror nameerror
  importerror modulenotfounderror zerodivisionerror runtimeerror nullpointerexception npe
  referenceerror syntaxerror segmentation panic goroutine uncaught unhandled stack dump core log
  logs indentationerror recursionerror assertionerror filenotfounderror unboundlocalerror
  unicodedecodeerror illegalargumentexception classnotfoundexception borrow borrowed backtrace
wrong: wrong incorrect incorrectly unexpected unexpectedly instead weird strange strangely odd
  undefined nan null nothing never suddenly anymore intermittent intermittently sometimes randomly
  twice always keeps keep though although silently lately recently mismatch inconsistent doubled
  extra garbled misaligned overlaps supposed mysterious mysteriously empty false only reason blank
  zero ends truncated off garbage stale outdated again unlike despite yet mistake mistakes spot
  differently wrongly bad nonsense still occasional occasionally exactly negative huge different
  locally somehow seems seem impossible
stall: leak leaks leaking deadlock+ race timeout timeouts times timed infinite oomkilled starvation
  livelock flicker+ reproduces reproduce reproducible
cause: cause+ root reason culprit figure suspect diagnosis diagnosing happening clue
result: returns return returning prints print output outputs throws throw raises raise shows gives
  get getting got says expected actual happens happening happen show displays display showing loads
  load renders outputting
security: security secure securely insecure vulnerability vulnerabilities vulnerable exploit+
  harden+ hardening pentest penetration owasp cve cves threat threats stride audit+ malicious
  attack attacks attacker+ breach+ sanitize+ sanitise+ malware ransomware phishing backdoor
  compromised hacked hacker hackers safe safely unsafe hole holes leaked exposed mitigation
  mitigate+ intrusion forensics zero flaw flaws abuse abused revoke+ lock lockdown root suspicious
  miner rootkit virus trojan sniff sniffing protect+ protection defend+ defense defence guard
  spoof+ disclosure bounty hijack+ compromise csp hsts compliance gdpr pci soc2 hipaa iso27001 siem
  honeypot intruder blast posture incident stolen steal unauthorised unauthorized bypass+ tamper+
  leaks scanning scan scanner weaknesses weakness risky attacker attackers containment evidence
  iterations okay dangerous harmful trust trusted untrusted privacy hackable spyware honeypots
  hacking anonymize csrf whitelist blacklist allowlist captcha throttle maintainer poisoned
  readonly breached
attack_kind: injection xss csrf ssrf idor clickjacking traversal rce xxe ddos replay mitm hijacking
  spoofing brute overflow deserialization escalation csp tampering redos smuggling sqli lfi rfi
  enumeration stuffing eavesdropping keylogger buffer rop toctou typosquatting cryptojacking worm
auth: auth authentication authenticate authorization authorisation authorize oauth oauth2 oidc saml
  sso jwt jwts session cookie cookies login rbac permission+ role roles mfa 2fa totp pkce ldap
  access tenant privilege privileges least passkeys webauthn passwordless identity iam acl signin
  logout kerberos hashicorp bearer scopes scope claims claim otp apikeys users admin account
  accounts
crypto: encrypt+ encryption decrypt+ hash hashes hashing hashed bcrypt argon2 sha256 md5 aes rsa
  salt tls ssl certificate+ signing signature cryptography cryptographic vault hmac pgp gpg ecdsa
  ed25519 chacha20 diffie hellman scrypt pbkdf2 pki e2ee nonce
credential: password+ passwd pwd secret+ token+ credential+ passphrase apikey key keys pin .env pem
firewall: firewall selinux fail2ban ssh iptables waf sandbox secrets rotation rotate sast sbom acls
  rotating rotated ids ips ufw seccomp apparmor kms hsm dmz vlan
letter: email emails mail letter+ message reply invitation+ note resignation apology apologize
  apologise thank complaint newsletter announcement memo sms condolence reference invite replies
  replying respond responding response texting dm wording excuse thankyou eulogies rejection notes
  card postcard text refusal decline declining wishes disputing dispute appeal reminder
prose: essay+ article+ blog post posts story stories poem+ haiku sonnet limerick novel chapter
  speech toast slogan+ tagline+ headline+ caption+ tweet+ linkedin instagram lyrics song fiction
  dialogue scene screenplay biography bio obituary press monologue rhyme verse copy ad fairy tale
  plot character+ narrator pitch eulogy vows joke jokes name names testimonial review brochure
  flyer horror fantasy detective couplet ode personal comedy drama memoir diary journal sketch skit
  parable myth legend description descriptions wallets bedtime roast tagline mission statement
  about profile op ed column editorial blurb synopsis logline ballad rap hymn prayer greeting
  podcast youtube video intro outro newsletter pamphlet recommendation epic saga thriller romance
  mystery hero heroine villain dystopian imaginary imagine whimsical anthem dragon shy adventure
  kids quatrain stanza verses ghost superhero princess robot wizard nursery lullaby opinion piece
  content copywriting ads advert advertisement billboard jingle dating tinder motto caption photo
  selfie beach sunset vlog manifesto sermon
tone: tone polite formal friendly professional catchy witty persuasive conversational sincere
  heartfelt humorous warm cheesy paragraph sentence sentences words flow grammar wording creative
  style formally politely diplomatic engaging funny concise natural short text sounding playful
  defensive rephrase reword spoken subtext exposition poetic lyrical sarcastic empathetic
  apologetic casual punchy crisp voice cliché cliches minute minutes humour rhyming emotional
  inspiring motivational gentle kindly nice sweet humorously romantic sad dramatic flowery genuine
  respectful assertive tactful apologetically
occasion: birthday wedding anniversary congratulate congratulations christmas farewell colleague
  boss customer client landlord supplier teacher retirement graduation launch startup job
  application resume cv cover interview fundraiser charity friend grandmother grandfather neighbor
  neighbour manager mother sister review restaurant shop hotel handmade coffee gift event party
  conference team bakery bride groom moving condolences valentine thanksgiving halloween mothers
  girlfriend boyfriend husband wife daughter son kids neighbours tenants clients investors audience
  readers followers baby shower housewarming promotion insurer insurance dog cat
greet: hi hello hey thanks thx ty bye goodbye morning evening afternoon night cheers yo sup hiya
  welcome greetings cool ok okay nice perfect awesome lol thank appreciated love hola bonjour wow
  haha great amazing brilliant helped helpful sure goodnight later cya sweet yes alright fine yep
  nope see ya appreciate dear friend meet pleasure well done kudos bravo np
fact: capital population tallest highest longest largest biggest smallest oldest fastest president
  invented discovered wrote painted born died founded symbol currency planet ocean continent
  country city river mountain color colour boiling atomic distance moon legs yes no fall spell
  synonym antonym opposite prime century king queen author bone bones animal leap located won
  composed war deepest chemical element inventor weekday everest mount currently current noon tokyo
  anthem nickname lifespan weigh weighs freezing boil boils gold birth die happened happen released
  directed actor actress movie film band sang singer olympic olympics champion winner cup world
  tower wall bridge seas desert island islands flag speaks spoken day date month today holiday
  easter sunrise roman numeral vowels alphabet letters dog cat cats dogs whale penguin thursday
  monday tuesday wednesday friday saturday sunday january february march april june july august
  september october november december pluto comes pound metre vegetable fruit insect mammal
  dinosaur einstein newton shakespeare mozart beethoven picasso vinci napoleon lincoln obama caesar
  cleopatra nobel oscar bible players soccer football basketball tennis team teeth strings stripes
  stars rainbow landed telephone bulb
unit: miles mile km kilometers kilometres kilometer feet foot inches inch meters metres meter
  pounds pound lbs kg kilograms kilogram grams gram ounces ounce celsius fahrenheit liters litres
  liter litre gallon gallons cups cup seconds minutes hours days weeks usd eur euros dollars cm mm
  acres acre hectare bytes megabytes mb gb kelvin yard yards binary hex decimal hexadecimal degrees
  kilobyte kilobytes terabyte noon hour minute second day week month year oz tbsp tablespoon
  tablespoons teaspoon teaspoons tsp pint pints quart quarts nautical knots mph kmh newton joules
  calories watts psi bar pascal dozen score
what: what whats which
how: how
why: why
who: who whom whose when where
many: many much far tall long old big
is: is are was were isn aren am be s re
do: do does did doing
not: not doesn don didn cannot cant won isn wasn without no t
i: i we our us me
mine: my mine myself
can: can could should would possible may might must
please: please kindly help
this: this these following below above here attached it its
to: to into from in
the: the a an of and for with that on by
hard: distributed concurrent concurrency scalable scale architecture production downtime consensus
  raft paxos transactional consistency multi tenant tenants fault tolerant complex comprehensive
  complete entire whole depth detailed deep thoroughly rigorous advanced monolith microservices
  across optimal globally deterministic recovery failover sharding replication compaction compiler
  kernel simd gpu generalise generalize novel chapter platform hundreds thousands modules threat
  cryptographic realtime lockfree streaming staffing risks milestones chaos invariants interpreter
  incremental diagnostics hundred experiments discriminate justify valuation dcf rollout rfc
  alternatives hypotheses act operator legacy subtext compliance regulatory derive proof prove
  theorem dependency injection sonnet metre rhyme hospital design scheme lag clock skew partial
steps: step steps then also finally first second third including each every both plus requirements
  section sections must handle supports support immediate immediately
easy: simple simply quick quickly short small basic liner just beginner hello easy single tiny
  brief trivial little one word syntax line command formula meaning tell
confidential: confidential confidentially nda embargoed unreleased embargo unannounced
person: customer client patient employee tenant her his she he
identity: passport ssn dob iban taxpayer address phone mobile nationality born licence tenant
  surname birth ssn. emails fullname residence postcode biometric patient's maiden
medical: patient patients diagnosis diagnosed diagnose hiv cancer diabetes diabetic depression
  anxiety therapist therapy medication medications mg blood prescription prescribed surgery
  symptoms pregnant pregnancy asthma hba1c egfr metformin doctor clinic hospital discharge
  antidepressants insulin chronic allergy allergic biopsy mri ct tumor tumour psychiatric bipolar
  adhd hypertension cholesterol glucose pain treatment illness disease disorder sertraline rehab
  lab labs pressure readings lisinopril ibuprofen paracetamol dose dosage miscarriage ivf std
  herpes hepatitis epilepsy dementia alzheimer autism autistic ptsd panic suicidal eating anorexia
  bulimia oncologist cardiologist chemo chemotherapy biopsies ultrasound ecg fever heart kidney
  liver thyroid ferritin hemoglobin haemoglobin sugar bmi rash migraine migraines ssri opioid
  addiction alcoholic relapse colonoscopy vaccination veteran disability disabled nurse
  psychologist percentile mental inpatient knee operation injury injured fracture cast scan
money: salary debt+ loan+ mortgage income taxes bankrupt bankruptcy savings pension transactions
  overdraft creditor alimony wage wages earn paycheck bank owe card credit tax earns owes salaries
  owed repay repayment payslip w2 1099 irs inherited refinance brokerage portfolio 401k net worth
  spending expenses
legal: lawsuit divorce custody court lawyer+ attorney arrested conviction convicted harassment
  harassing harassed plaintiff defendant settlement sue suing probation testimony eviction evicted
  will inheritance immigration asylum abuse contract contracts agreement fired termination
  dismissal disciplinary felony misdemeanor dui subpoena affidavit deposition restraining order
  custodial guardianship prenup visa deport+ harass+ discriminat+ grievance whistleblower wrongful
  severance injunction litigation accused allegation allegations police prison jail probate
  landlord evict disputing insurer
family: mother father mom mum dad wife husband son daughter child children brother sister ex
  partner girlfriend boyfriend grandmother grandfather parents manager boss grandma grandpa
  brother's sister's uncle aunt niece nephew fiancé fiancée fiance fiancee kid kids toddler baby
  teen teenager parent spouse coworker colleague neighbor neighbour friend
tech: http https tcp udp ip dns cpu ram memory thread threads threading process processes mutex
  semaphore kernel browser dom latency pod packet proxy monad monads pointer heap stack garbage
  collector idempotent orm mvc spa ssr rendering transformer neural network networks gradient
  backpropagation llm tokenizer embedding vector bytecode jvm sdk ide cdn grpc soap websocket
  websockets tls ipv6 subnet vpn vps raid ssd filesystem inode socket sockets port ports url uri
  header headers payload request requests response responses rest crud client boot driver firmware
  bios usb android ios iphone xcode gradle maven nuget composer cargo brew apt systemctl grep sed
  awk vim vscode intellij eclipse jupyter notebook dataframe tensor scheduler cluster clusters node
  replica replicas shard partition partitions broker consumer producer topic stream streams offset
  commit commits branch branches merge rebase push pull checkout stash deploy deployment
  deployments build release rollback staging environment variables null boolean integer float
  string strings char regexes json xml csv api ast parser lexer transaction transactions deadlocks
  foreign primary constraint nosql vlookup pivot cell cells spreadsheet autoscaling virtualenv wsl
  useeffect usestate prop props state dispose widget activity fragment viewmodel coroutine
  coroutines event events listener blockchain smart ethereum wasm cuda opengl shader dockerfile
  image images upload uploads uploading balancer job jobs lock locks locked extension form forms
  slot recursion connection connections heroku rails storage loop loops component components hook
  lambda regex leader failover pipeline pipelines ingest flink kinesis iceberg cdk spark etl
  warehouse snowflake bigquery databricks tableau looker power bi dashboards dashboard model models
  training inference rag prompt prompts finetune chatbot openai anthropic huggingface transformers
  langchain agent agents value values true false default defaults input timeout upstream page
  cookies argument arguments params parameter parameters property properties file folder directory
  folders executable binary instance instances lib libs version versions script scripts undefined
  callback closure refactoring stacktrace debugger breakpoint terminal shell dataset datasets row
  rows index indexes worker workers root standalone mutation mutations prettier eslint
command: command commands formula formulas macro macros oneliner awk sed shortcut alias query
changed: since used until yesterday upgraded updated updating upgrading after deploying deployed
  switched previously before today overnight new update
private: internal private sensitive restricted proprietary nonpublic undisclosed outside classified
  privileged
science: vaccine vaccines immune immunity evolution photosynthesis gravity quantum relativity
  physics chemistry biology entropy atoms molecule molecules dna rna protein proteins black hole
  holes universe galaxy climate earthquake volcano rainbow inflation gdp recession economy
  economics monetary democracy philosophy stoicism existentialism psychology cognitive dreams
  revolution empire treaty feudalism renaissance theorem blockchain engine engines battery
  batteries solar nuclear airplane fly sky blue brain digestion metabolism hormones bacteria
  viruses antibiotics supply stock stocks bonds etf compound subjunctive idiom
check: check checks checked verify review reviews inspect look audit validate ensure
run: run runs running ran execute executes executed executing start starts stop stops terminal
  locally prod
"""
