/** Common English short forms, each line the long form first. A workspace adds its own. */
const common = `
abigail abby | albert al bert | alexander alex sandy | alexandra alex sandra | alfred fred alf | andrew andy drew | anthony tony | barbara barb babs
benjamin ben benny | bernard bernie | catherine cathy kate katie | katherine kathy kate katie | charles charlie chuck | christina chris tina
christine chris | christopher chris | daniel dan danny | david dave | deborah deb debbie | dennis denny | donald don donnie | dorothy dot dolly
edward ed eddie ted ned | edwin ed | eleanor ellie nell | elizabeth liz beth betty lizzie eliza bess | emily em emmy | eugene gene | florence flo
frances fran | francis frank fran | franklin frank | frederick fred freddie | gabriel gabe | gerald gerry jerry | gregory greg | harold harry hal
helen nell | henry harry hank | howard howie | isabella bella izzy | jacob jake | james jim jimmy jamie | janet jan | jeffrey jeff | jennifer jen jenny
jessica jess | john jack johnny | jonathan jon | joseph joe joey | joshua josh | judith judy | kenneth ken kenny | kimberly kim | lawrence larry
leonard len lenny leo | leslie les | louis lou | louise lou | margaret maggie meg peg peggy peggie | martin marty | matthew matt | maurice mo | melissa mel
michael mike mick mickey | morris morrie | nathaniel nat nathan nate | nicholas nick nicky | oliver ollie | pamela pam | patricia pat patty tricia
patrick pat paddy | peter pete | philip phil | raymond ray | rebecca becky | richard rick dick richie rich | robert bob bobby rob robbie bert
ronald ron ronnie | rosemary rose | samantha sam | samuel sam sammy | sandra sandy | stephanie steph | stephen steve | steven steve | stuart stu
susan sue susie | theodore ted theo | theresa terry tess | thomas tom tommy | timothy tim | victoria vicky | vincent vince | virginia ginny
walter walt wally | william bill billy will liam willie | zachary zach`;

/** Short forms of given names, and what they are short for. */
export type Nicknames = ReadonlyMap<string, ReadonlySet<string>>;

/** The common ones and more, each list the long form first. */
export function nicknamesOf(more: readonly (readonly string[])[] = []): Nicknames {
  const long = new Map<string, Set<string>>();
  const groups = [...common.split(/[|\n]/).map((group) => group.trim().split(' ')), ...more];
  for (const [first = '', ...others] of groups) {
    for (const name of [first, ...others]) if (name !== '') long.set(name, (long.get(name) ?? new Set()).add(first));
  }
  return long;
}

/** Whether one is a short form of the other, or both are of the same name. */
export function isNickname(nicknames: Nicknames, a: string, b: string): boolean {
  const [one, two] = [nicknames.get(a), nicknames.get(b)];
  return one !== undefined && two !== undefined && [...one].some((name) => two.has(name));
}

/** All names that share a long form with this one. */
export function formsOf(nicknames: Nicknames, name: string): readonly string[] {
  return nicknames.has(name) ? [...nicknames.keys()].filter((other) => isNickname(nicknames, name, other)) : [];
}
