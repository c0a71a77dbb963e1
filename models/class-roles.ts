/** What a class is to those who draw its areas: said with the network, or read off its name in one of many languages. */

export const ROLES = ['background', 'building', 'road', 'vegetation', 'water'] as const;
export type ClassRole = (typeof ROLES)[number];

/** Whole names, in the singular and plural that labels have; words that mean something else elsewhere are left out. */
const WORDS: Record<ClassRole, string> = {
  background:
    'background, ground, bare ground, other, others, nothing, none, bg, unlabeled, unlabelled, void, 背景, 其他, 其它, 未标注, 未標註, その他, 배경, 기타, hintergrund, sonstiges, arriere-plan, fond, autre, autres, fondo, otro, otros, fundo, outro, outros, sfondo, altro, фон, другое, прочее, tlo, inne, achtergrond, overig, arka plan, nen, latar belakang, lainnya, خلفية, पृष्ठभूमि',
  building:
    'building, buildings, house, houses, roof, roofs, rooftop, rooftops, building footprint, building footprints, 建筑, 建筑物, 建筑区, 房屋, 房子, 屋顶, 楼房, 建築, 建築物, 屋頂, 建物, 家屋, 屋根, 건물, 건축물, 지붕, 주택, gebaude, haus, hauser, dach, dacher, batiment, batiments, bati, maison, maisons, toit, toits, edificio, edificios, edificacion, edificaciones, casa, casas, techo, techos, predio, predios, edificacao, edificacoes, telhado, telhados, edifici, tetto, tetti, здание, здания, дом, дома, постройка, постройки, строение, строения, крыша, крыши, budynek, budynki, dach budynku, gebouw, gebouwen, huis, huizen, dak, daken, bina, binalar, yapi, cati, toa nha, nha, cong trinh, bangunan, gedung, rumah, atap, مبنى, مباني, بناء, इमारत, भवन',
  road: 'road, roads, street, streets, 道路, 公路, 马路, 街道, 馬路, 路面, 車道, 도로, strasse, strassen, straße, straßen, route, routes, rue, rues, voirie, carretera, carreteras, calle, calles, camino, caminos, vialidad, estrada, estradas, rua, ruas, rodovia, rodovias, strada, strade, дорога, дороги, улица, улицы, droga, drogi, ulica, ulice, weg, wegen, straat, straten, yol, yollar, duong, duong pho, jalan, jalan raya, طريق, طرق, सड़क',
  vegetation:
    'vegetation, tree, trees, forest, forests, woodland, wood, woods, grass, grassland, crop, crops, 植被, 树木, 树, 森林, 林地, 草地, 绿地, 樹木, 植生, 草, 緑地, 식생, 나무, 숲, 산림, 수목, 초지, baum, baume, wald, walder, gras, wiese, arbre, arbres, foret, forets, herbe, vegetacion, arbol, arboles, bosque, bosques, hierba, vegetacao, arvore, arvores, floresta, florestas, grama, vegetazione, albero, alberi, foresta, foreste, erba, растительность, дерево, деревья, лес, леса, трава, roslinnosc, drzewo, drzewa, las, lasy, trawa, vegetatie, bomen, bitki ortusu, agac, agaclar, orman, cay coi, thuc vat, rung, vegetasi, pohon, hutan, نبات, نباتات, غطاء نباتي, वनस्पति, पेड़',
  water:
    'water, waters, water body, water bodies, waterbody, waterbodies, river, rivers, lake, lakes, sea, 水, 水体, 水域, 河流, 湖泊, 水體, 水面, 河川, 湖, 물, 수역, 수계, 강, 하천, 호수, wasser, gewasser, fluss, see, eau, eaux, riviere, rivieres, lac, lacs, plan d’eau, agua, aguas, cuerpo de agua, rio, rios, lago, lagos, acqua, acque, fiume, вода, водоем, водоемы, река, реки, озеро, озера, woda, wody, rzeka, jezioro, su, su kutlesi, nuoc, mat nuoc, badan air, sungai, danau, ماء, مياه, पानी, जल, जल निकाय',
};

const LIKE: Record<string, string> = { '’': "'", ı: 'i', đ: 'd', ł: 'l' };

/** Without case, accents, width and underscores: "Gebäude" and "GEBAUDE", "ｂｕｉｌｄｉｎｇ" and "building" are one. */
const plain = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[_\s]+/g, ' ')
    .replaceAll(/[’ıđł]/g, (letter) => LIKE[letter]!)
    .trim();

const ROLE_OF_WORD = new Map(
  ROLES.flatMap((role) => WORDS[role].split(',').map((word) => [plain(word), role] as const)),
);

/** Null where a name is none of the known words. */
export const roleOfName = (name: string): ClassRole | null => ROLE_OF_WORD.get(plain(name)) ?? null;

/** The role that was said, else the one that the name tells. */
export const roleOf = ({ name, role }: { name: string; role?: ClassRole | undefined }): ClassRole | null =>
  role ?? roleOfName(name);

/** With the role that its name tells, where none was said. */
export function withRole<Class extends { name: string; role?: ClassRole }>(each: Class): Class {
  const role = roleOf(each);
  return role ? { ...each, role } : each;
}
