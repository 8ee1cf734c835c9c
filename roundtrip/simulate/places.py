"""Destinations and home towns: real places, so that texts and files read like a travel company's."""

import numpy as np

#: (name in the data, Chinese name, relative popularity)
DOMESTIC = (
    ("Sanya", "三亚", 10), ("Beijing", "北京", 9), ("Shanghai", "上海", 9), ("Chengdu", "成都", 8),
    ("Xi'an", "西安", 7), ("Hangzhou", "杭州", 7), ("Lijiang", "丽江", 5), ("Dali", "大理", 5),
    ("Guilin", "桂林", 5), ("Xiamen", "厦门", 5), ("Qingdao", "青岛", 5), ("Chongqing", "重庆", 6),
    ("Harbin", "哈尔滨", 3), ("Zhangjiajie", "张家界", 3), ("Huangshan", "黄山", 3), ("Suzhou", "苏州", 4),
    ("Guangzhou", "广州", 5), ("Shenzhen", "深圳", 4), ("Nanjing", "南京", 4), ("Urumqi", "乌鲁木齐", 2),
)  # fmt: skip
ABROAD = (
    ("Bangkok", "曼谷", 7), ("Phuket", "普吉岛", 5), ("Singapore", "新加坡", 6), ("Tokyo", "东京", 7),
    ("Osaka", "大阪", 6), ("Seoul", "首尔", 5), ("Bali", "巴厘岛", 4), ("Kuala Lumpur", "吉隆坡", 4),
    ("Paris", "巴黎", 2), ("London", "伦敦", 2), ("Dubai", "迪拜", 2), ("Male", "马尔代夫", 2),
)  # fmt: skip

NAMES = np.array([name for name, _, _ in DOMESTIC + ABROAD], dtype=object)
CHINESE_NAMES = np.array([name for _, name, _ in DOMESTIC + ABROAD], dtype=object)
POPULARITY = np.array([weight for _, _, weight in DOMESTIC + ABROAD], dtype=float)
IS_ABROAD = np.array([False] * len(DOMESTIC) + [True] * len(ABROAD))

#: (city, country, region of the market table, relative size)
HOME_TOWNS = (
    ("Shanghai", "CN", "east", 14), ("Hangzhou", "CN", "east", 8), ("Nanjing", "CN", "east", 6),
    ("Suzhou", "CN", "east", 6), ("Guangzhou", "CN", "south", 10), ("Shenzhen", "CN", "south", 10),
    ("Xiamen", "CN", "south", 4), ("Beijing", "CN", "north", 13), ("Tianjin", "CN", "north", 5),
    ("Qingdao", "CN", "north", 4), ("Chengdu", "CN", "west", 8), ("Chongqing", "CN", "west", 6),
    ("Xi'an", "CN", "west", 5), ("Hong Kong", "HK", "south", 3), ("Singapore", "SG", "south", 2),
    ("Kuala Lumpur", "MY", "south", 1), ("Sydney", "AU", "east", 1),
)  # fmt: skip
